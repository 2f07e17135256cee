// What each head does, in numbers, from its patterns over some prompts. The meanings are those of "attention heads".
import { faultOf, layerOf } from './patterns.js';
import { models } from './data.js';
import { labels } from './tokens.js';

/** Columns: key in the JSON of "attention heads", title, meaning, whether the page computes it. */
export const COLUMNS = [
  ['entropy', 'Entropy', 'Mean entropy of a query\u2019s attention, in nats: 0 looks at one token', true],
  ['sink_share', 'Sink share', 'Mean attention to the first position, over all queries', true],
  ['mean_distance', 'Distance', 'Mean number of tokens back from query to key', true],
  ['previous_token', 'Previous', 'Mean attention to the token just before', true],
  ['duplicate_token', 'Duplicate', 'Mean attention to earlier copies of the same token, where there are any', true],
  ['induction', 'Induction', 'Mean attention to what followed earlier copies of the same token', true],
  ['copying', 'Copying', 'Copying score of the OV circuit, from \u201cattention heads\u201d', false],
];

/** Sums of one pattern; [sum, count] by column. */
function measure(data, n, tokens) {
  const sums = { entropy: [0, 0], sink_share: [0, 0], mean_distance: [0, 0], previous_token: [0, 0], duplicate_token: [0, 0], induction: [0, 0] };
  const add = (name, value) => {
    sums[name][0] += value;
    sums[name][1]++;
  };
  const earlier = new Map();
  for (let q = 0; q < n; q++) {
    let entropy = 0;
    let distance = 0;
    for (let k = 0; k < n; k++) {
      const p = data[q * n + k];
      if (p > 0) {
        entropy -= p * Math.log(p);
        distance += p * Math.abs(q - k);
      }
    }
    add('entropy', entropy);
    add('mean_distance', distance);
    add('sink_share', data[q * n]);
    if (q > 0) add('previous_token', data[q * n + q - 1]);
    const copies = earlier.get(tokens[q]) ?? [];
    if (copies.length) {
      add('duplicate_token', copies.reduce((sum, k) => sum + data[q * n + k], 0));
      add('induction', copies.reduce((sum, k) => sum + (k + 1 < q ? data[q * n + k + 1] : 0), 0));
    }
    earlier.set(tokens[q], [...copies, q]);
  }
  return sums;
}

/**
 * Scores of all heads of a model over prompts: rows {layer, head, score: number or null}.
 * Gives way to the browser after each layer; failed prompts are counted.
 */
export async function scoreHeads(model, hashes, stopped) {
  const { layers, heads } = models.get(model);
  const rows = [];
  let failed = 0;
  for (let layer = 0; layer < layers; layer++) {
    const totals = Array.from({ length: heads }, () => ({}));
    for (const prompt of hashes) {
      let value;
      try {
        value = await layerOf({ model, prompt, layer, head: 0 });
      } catch {
        failed++;
        continue;
      }
      if (stopped()) return null;
      const tokens = labels(models.get(model).prompts.get(prompt)?.texts ?? [], value.n);
      for (let head = 0; head < Math.min(heads, value.heads); head++) {
        if (faultOf(value, head)) {
          failed++;
          continue;
        }
        const size = value.n * value.n;
        const sums = measure(value.data.subarray(head * size, (head + 1) * size), value.n, tokens);
        for (const [name, [sum, count]] of Object.entries(sums)) {
          const total = (totals[head][name] ??= [0, 0]);
          total[0] += sum;
          total[1] += count;
        }
      }
    }
    totals.forEach((total, head) => {
      const row = { layer, head };
      for (const [name, [sum, count]] of Object.entries(total)) row[name] = count ? sum / count : null;
      rows.push(row);
    });
    await new Promise((resume) => setTimeout(resume));
    if (stopped()) return null;
  }
  return { rows, failed };
}
