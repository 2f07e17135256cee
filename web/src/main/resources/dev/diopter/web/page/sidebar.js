// What is chosen: models with their heads, and prompts.
import { allPrompts, models, titleOf } from './data.js';
import { el, fill } from './dom.js';
import { formatHeads, parseHeads } from './heads.js';
import { chosen, listOf, missing } from './lists.js';
import { change, state } from './state.js';
import { line, shorten } from './tokens.js';

const modelNames = () => [...models.keys()];
export const chosenModels = () => chosen(state.models, modelNames());
export const chosenHashes = () => chosen(state.prompts, allPrompts().map((p) => p.hash));

/** What the address chooses and the folder does not have, as a line; empty where it has all. */
export function notHere() {
  const of = (count, what) => count > 0 && `${count} ${what}${count === 1 ? '' : 's'}`;
  const lacks = [of(missing(state.models, modelNames()), 'model'), of(missing(state.prompts, allPrompts().map((p) => p.hash)), 'prompt')].filter(Boolean);
  return lacks.length ? `The address chooses ${lacks.join(' and ')} that this folder does not have` : '';
}

/** The chosen heads of a model; none where the text cannot be read, which the list of models says. */
export const chosenHeads = (model) => parseHeads(state.heads[model.name] ?? '', model.layers, model.heads) ?? [];

/** Chosen models with their chosen prompts. */
export function chosenPrompts() {
  const hashes = new Set(chosenHashes());
  return chosenModels().map((name) => {
    const model = models.get(name);
    return { model, prompts: [...model.prompts.values()].filter((p) => model.live || hashes.has(p.hash)) };
  }).filter(({ prompts }) => prompts.length);
}

function setHeads(model, text) {
  change({ heads: { ...state.heads, [model.name]: text } });
}

/** One small square a head; pressing one turns it on or off. */
function miniature(model) {
  const on = new Set(chosenHeads(model).map(([l, h]) => l * model.heads + h));
  const grid = el('div', { class: 'mini', role: 'group', 'aria-label': `Heads of ${titleOf(model.name)}`, style: { 'grid-template-columns': `repeat(${model.heads}, minmax(0, 14px))` } });
  if (model.layers * model.heads > 1200) return null;
  for (let layer = 0; layer < model.layers; layer++) {
    for (let head = 0; head < model.heads; head++) {
      const at = layer * model.heads + head;
      grid.append(el('button', {
        'aria-pressed': String(on.has(at)), 'aria-label': `L${layer}H${head}`, title: `L${layer}H${head}`, tabindex: at === 0 ? 0 : -1,
        onclick: () => {
          // From all heads the first press picks one; afterwards each turns on and off.
          const all = on.size === model.layers * model.heads;
          const next = all ? new Set([at]) : new Set(on);
          if (!all) next.has(at) ? next.delete(at) : next.add(at);
          const list = [...next].sort((a, b) => a - b).map((n) => [Math.floor(n / model.heads), n % model.heads]);
          setHeads(model, list.length ? formatHeads(list, model.layers, model.heads) : '');
        },
        onkeydown: (e) => {
          const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -model.heads, ArrowDown: model.heads }[e.key];
          const to = by && e.currentTarget.parentElement.children[at + by];
          if (!to) return;
          e.preventDefault();
          e.stopPropagation();
          to.focus();
        },
      }));
    }
  }
  return grid;
}

function modelItem(model) {
  const picked = chosenModels();
  const text = state.heads[model.name] ?? '';
  const bad = parseHeads(text, model.layers, model.heads) === null;
  const box = el('input', {
    type: 'checkbox', checked: picked.includes(model.name),
    onchange: () => change({ models: listOf(modelNames().filter((n) => (n === model.name ? box.checked : picked.includes(n))), modelNames()) }),
  });
  const heads = el('input', {
    type: 'text', value: text, placeholder: 'all heads, or L0-2H*,L5H3', maxlength: 20000, spellcheck: 'false', 'aria-label': `Heads of ${titleOf(model.name)}`,
    'aria-invalid': bad ? 'true' : null, onchange: () => setHeads(model, heads.value.trim()),
  });
  return el('li', {}, el('label', { class: 'check' }, box, el('strong', {}, titleOf(model.name)), el('small', {}, `${model.layers} \u00d7 ${model.heads}`)),
    el('div', { class: 'heads' }, heads, bad && el('p', { class: 'error' }, `Expected layers 0\u2013${model.layers - 1} and heads 0\u2013${model.heads - 1}, as in L0-2H*,L1H3.`)),
    miniature(model));
}

function promptItem(prompt, picked) {
  const box = el('input', {
    type: 'checkbox', checked: picked.has(prompt.hash),
    onchange: () => {
      const all = allPrompts().map((p) => p.hash);
      box.checked ? picked.add(prompt.hash) : picked.delete(prompt.hash);
      change({ prompts: listOf(all.filter((h) => picked.has(h)), all) });
    },
  });
  return el('li', {}, el('label', { class: 'check', title: prompt.text }, box,
    el('span', { class: 'prompt' }, el('span', {}, shorten(line(prompt.text), 110)),
      el('small', {}, [`${prompt.count} tokens`, prompt.set].filter(Boolean).join(' \u00b7 ')))));
}

export class Sidebar {
  constructor(root) {
    this.models = el('ul', { class: 'list' });
    this.prompts = el('ul', { class: 'list prompts' });
    this.count = el('small');
    this.filter = el('input', { id: 'filter', type: 'search', placeholder: 'Filter by text or data set', 'aria-label': 'Filter prompts', oninput: () => change({ filter: this.filter.value }) });
    const pick = (on) => () => {
      const all = allPrompts().map((p) => p.hash);
      const seen = new Set(this.seen().map((p) => p.hash));
      const picked = new Set(chosenHashes());
      change({ prompts: listOf(all.filter((h) => (seen.has(h) ? on : picked.has(h))), all) });
    };
    fill(root, el('section', {}, el('h2', {}, 'Models'), this.models),
      el('section', { class: 'grow' }, el('h2', {}, 'Prompts ', this.count), this.filter,
        el('div', { class: 'buttons' }, el('button', { onclick: pick(true) }, 'Select shown'), el('button', { onclick: pick(false) }, 'Clear shown')), this.prompts));
  }

  seen() {
    const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    return allPrompts().filter((p) => words.every((w) => p.text.toLowerCase().includes(w) || p.set.toLowerCase().includes(w)));
  }

  update(changed) {
    if (changed && ![...changed].some((n) => ['models', 'prompts', 'heads', 'filter', 'loaded'].includes(n))) return;
    if (!changed || !(changed.size === 1 && changed.has('filter'))) fill(this.models, [...models.values()].map(modelItem));
    if (document.activeElement !== this.filter) this.filter.value = state.filter;
    const picked = new Set(chosenHashes());
    const seen = this.seen();
    this.count.textContent = `${picked.size} of ${allPrompts().length}`;
    const top = this.prompts.scrollTop;
    fill(this.prompts, seen.slice(0, 2000).map((p) => promptItem(p, picked)), seen.length > 2000 && el('li', {}, `and ${seen.length - 2000} more: filter them`));
    this.prompts.scrollTop = top;
  }
}
