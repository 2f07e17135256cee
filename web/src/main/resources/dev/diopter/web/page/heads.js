// Which heads: a list of L<layer>[H<head>], each a number, a range a-b, or * (x is the same), as in L0-2H*,L5H3.

const PART = /^L(\d+|\d+-\d+|\*|x)(?:H(\d+|\d+-\d+|\*|x))?$/i;

function range(text, count) {
  if (text === undefined || text === '*' || text.toLowerCase() === 'x') return [0, count - 1];
  const [a, b = a] = text.split('-').map(Number);
  return [a, b];
}

/** The chosen heads as [layer, head] in order, or null where the text cannot be read or names heads that are not there. */
export function parseHeads(text, layers, heads) {
  const wanted = text.replace(/\s+/g, '') || 'L*H*';
  const chosen = new Set();
  for (const part of wanted.split(',')) {
    const match = PART.exec(part);
    if (!match) return null;
    const [l0, l1] = range(match[1], layers);
    const [h0, h1] = range(match[2], heads);
    if (l0 > l1 || h0 > h1 || l1 >= layers || h1 >= heads) return null;
    for (let l = l0; l <= l1; l++) for (let h = h0; h <= h1; h++) chosen.add(l * heads + h);
  }
  return [...chosen].sort((a, b) => a - b).map((n) => [Math.floor(n / heads), n % heads]);
}

/** Numbers in order as ranges: 0-2, 5. */
function ranges(numbers) {
  const found = [];
  for (const n of numbers) {
    const last = found.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else found.push([n, n]);
  }
  return found.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`));
}

/** The other way: the shortest usual text, layers with the same heads together. */
export function formatHeads(chosen, layers, heads) {
  if (chosen.length === layers * heads) return '';
  const byLayer = new Map();
  for (const [l, h] of chosen) byLayer.set(l, [...(byLayer.get(l) ?? []), h]);
  const alike = []; // [layers that follow each other, their heads]
  for (const [l, list] of byLayer) {
    const texts = list.length === heads ? ['*'] : ranges(list);
    const last = alike.at(-1);
    if (last && last[0].at(-1) === l - 1 && last[1].join() === texts.join()) last[0].push(l);
    else alike.push([[l], texts]);
  }
  return alike.flatMap(([list, texts]) => texts.map((h) => `L${ranges(list)[0]}H${h}`)).join(',');
}

export const headName = (layer, head) => `L${layer}H${head}`;
