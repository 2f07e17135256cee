// One head on one prompt: the map, the text with what a token attends to, and the numbers.
import { css, palette, scaled, wantsBlack } from './colors.js';
import { models, titleOf } from './data.js';
import { choice, el, fill, say } from './dom.js';
import { headName } from './heads.js';
import { HeatMap, digits, sourceOf, window_ } from './heatmap.js';
import { matrixNow, matrixOf } from './patterns.js';
import { change, parsePlace, placeKey, state } from './state.js';
import { line, shorten, visible } from './tokens.js';

/** A place that exists: the asked one, mended where it is out of range; null where there is nothing. */
export function existing(text) {
  const asked = parsePlace(text);
  const usable = [...models.values()].filter((m) => m.prompts.size);
  const model = usable.find((m) => m.name === asked?.model) ?? usable[0];
  if (!model) return null;
  return {
    model: model.name,
    prompt: model.prompts.has(asked?.prompt) ? asked.prompt : model.prompts.keys().next().value,
    layer: Math.min(asked?.layer ?? 0, model.layers - 1),
    head: Math.min(asked?.head ?? 0, model.heads - 1),
  };
}

/** Choices of model, prompt, layer and head. */
export function placePicker(place, onpick, name = '') {
  const model = models.get(place.model);
  const numbers = (count) => Array.from({ length: count }, (_, i) => [String(i), String(i)]);
  const pick = (values) => onpick({ ...place, ...values });
  return el('div', { class: 'place', role: 'group', 'aria-label': name || 'What is shown' },
    name && el('strong', {}, name),
    choice('Model', [...models.values()].filter((m) => m.prompts.size).map((m) => [m.name, titleOf(m.name)]), place.model, (v) => pick({ model: v })),
    choice('Prompt', [...model.prompts.values()].map((p) => [p.hash, shorten(line(p.title ?? p.text), 46)]), place.prompt, (v) => pick({ prompt: v }), { class: 'long' }),
    choice('Layer', numbers(model.layers), String(place.layer), (v) => pick({ layer: Number(v) })),
    choice('Head', numbers(model.heads), String(place.head), (v) => pick({ head: Number(v) })));
}

export const caption = (p) => `${titleOf(p.model)} \u00b7 ${headName(p.layer, p.head)}`;

/** Moves a place by heads, layers or prompts, over the ends to the other side. */
export function step(place, { heads = 0, layers = 0, prompts = 0 }) {
  const model = models.get(place.model);
  const at = ((place.layer + layers + model.layers) % model.layers) * model.heads + place.head + heads;
  const flat = (at + model.layers * model.heads) % (model.layers * model.heads);
  const hashes = [...model.prompts.keys()];
  const prompt = hashes[(hashes.indexOf(place.prompt) + prompts + hashes.length) % hashes.length];
  return { ...place, prompt, layer: Math.floor(flat / model.heads), head: flat % model.heads };
}

/** Keys that move the cross and the zoom, in the single view and the comparison. */
export function moveKeys(event, n) {
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const move = moves[event.key];
  const by = event.shiftKey ? 10 : 1;
  const clamp = (x) => Math.max(0, Math.min(n - 1, x));
  if (move) {
    const q = state.q < 0 ? n - 1 : state.q;
    const k = state.k < 0 ? 0 : state.k;
    change({ q: clamp(q + by * move[0]), k: clamp(k + by * move[1]) });
  } else if (event.key === 'Enter' || event.key === ' ') change({ lock: !state.lock && state.q >= 0 });
  else if (event.key === 'Escape') change({ lock: false, q: -1, k: -1 });
  else if (event.key === '+' || event.key === '=') change({ zoom: zoomed(-1, n, state.q, state.k) });
  else if (event.key === '-') change({ zoom: zoomed(1, n, state.q, state.k) });
  else if (event.key === '0') change({ zoom: '' });
  else return false;
  return true;
}

/** The zoom one step in or out, around a query and key. */
export function zoomed(direction, n, q, k) {
  const w = window_(state.zoom, n);
  const cells = Math.max(8, Math.round(direction < 0 ? w.cells / 1.5 : w.cells * 1.5));
  if (cells >= n) return '';
  const around = (at, first) => Math.round((at < 0 ? first + w.cells / 2 : at) - cells / 2);
  const clamp = (x) => Math.max(0, Math.min(n - cells, x));
  return [clamp(around(q, w.q0)), clamp(around(k, w.k0)), cells].join(',');
}

export class HeadView {
  constructor(root) {
    this.root = root;
    this.matrix = null;
    this.map = new HeatMap('Attention from query rows to key columns. Arrow keys move, Enter locks.', {
      point: (q, k) => !state.lock && change({ q, k }),
      lock: (q, k) => change({ q, k, lock: !(state.lock && state.q === q && state.k === k) }),
      wheel: (d, q, k) => change({ zoom: zoomed(d, this.matrix?.n ?? 1, q, k) }),
    });
    this.picker = el('div');
    this.readout = el('div', { id: 'readout', class: 'readout' });
    this.strip = el('div', { class: 'strip', role: 'listbox', 'aria-label': 'Tokens of the prompt' });
    this.best = el('div', { class: 'best' });
    this.look = el('div', { class: 'segments', role: 'group', 'aria-label': 'What the text shows' },
      [['from', 'Attends to'], ['to', 'Attended by']].map(([key, text]) =>
        el('button', { 'data-look': key, onclick: () => change({ look: key }) }, text)));
    this.strip.addEventListener('pointerover', (e) => this.tokenOf(e, (i) => !state.lock && this.pointToken(i)));
    this.strip.addEventListener('click', (e) => this.tokenOf(e, (i) => {
      const same = state.lock && this.token() === i;
      this.pointToken(i);
      change({ lock: !same });
    }));
    fill(root, this.picker, el('div', { class: 'single' }, el('div', { class: 'mapbox' }, this.map.element),
      el('div', { class: 'aside' }, this.look, this.strip, this.readout, this.best)));
  }

  tokenOf(event, then) {
    const token = event.target.closest('[data-i]');
    if (token) then(Number(token.dataset.i));
  }

  /** The token that the text is coloured by: the query, or looking the other way the key. */
  token() {
    return state.look === 'from' ? state.q : state.k;
  }

  pointToken(i) {
    const { n, data } = this.matrix;
    // The other end is where most attention goes or comes from.
    let best = 0;
    const value = (j) => (state.look === 'from' ? data[i * n + j] : data[j * n + i]);
    for (let j = 1; j < n; j++) if (value(j) > value(best)) best = j;
    change(state.look === 'from' ? { q: i, k: best } : { q: best, k: i });
  }

  async update(changed) {
    const place = existing(state.at);
    if (!place) {
      this.place = null;
      this.clear();
      fill(this.picker, el('p', { class: 'empty' }, 'Nothing is saved here yet.'));
      return;
    }
    const only = changed && [...changed].every((name) => ['q', 'k', 'lock', 'look'].includes(name));
    if (only && this.matrix) {
      this.point();
      return;
    }
    fill(this.picker, placePicker(place, (p) => change({ at: placeKey(p) })));
    this.place = place;
    try {
      const matrix = matrixNow(place) ?? await matrixOf(place);
      if (this.place !== place) return;
      this.matrix = matrix;
      this.draw();
    } catch (e) {
      if (e.name === 'AbortError' || this.place !== place) return;
      this.clear();
      fill(this.readout, el('p', { class: 'error', role: 'alert' }, e.message));
    }
  }

  /** Shows nothing: better than what was there before. */
  clear() {
    this.matrix = null;
    this.map.clear();
    fill(this.strip);
    fill(this.best);
    fill(this.readout);
  }

  draw() {
    const box = this.map.element.parentElement.getBoundingClientRect();
    const size = Math.max(300, Math.min(box.width - 8, window.innerHeight - Math.max(0, box.top) - 20, 940));
    this.map.show({ matrix: this.matrix, source: sourceOf(this.matrix, state), state: { ...state }, size, title: caption(this.place) });
    fill(this.strip, this.matrix.tokens.map((t, i) => el('span', { 'data-i': i, class: 'token', role: 'option', title: `${i}` }, t.includes('\n') ? visible(t) : t, t.endsWith('\n') && el('br'))));
    this.point();
  }

  point() {
    const { n, data, tokens } = this.matrix;
    const q = state.q < n ? state.q : -1;
    const k = state.k < n ? state.k : -1;
    this.map.mark(q, k);
    this.map.element.classList.toggle('locked', state.lock);
    for (const b of this.look.children) b.setAttribute('aria-pressed', String(b.dataset.look === state.look));
    const table = palette(state.palette);
    const chosen = this.token();
    const value = (i) => (state.look === 'from' ? data[q * n + i] : data[i * n + k]);
    let most = 0;
    for (let i = state.first || state.look === 'to' ? 0 : 1; i < n && q >= 0; i++) most = Math.max(most, value(i));
    [...this.strip.children].forEach((token, i) => {
      const hidden = !state.first && (state.look === 'from' ? i : k) === 0;
      const v = q < 0 || hidden ? 0 : scaled(value(i), state.scale, most);
      token.style.backgroundColor = v > 0.004 ? css(table, v) : '';
      token.style.color = v > 0.004 ? (wantsBlack(table, v) ? '#000' : '#fff') : '';
      token.classList.toggle('chosen', i === chosen);
      token.setAttribute('aria-selected', String(i === chosen));
    });
    if (q < 0 || k < 0) {
      fill(this.readout, el('p', { class: 'hint' }, 'Point at the map or the text; click locks, ', el('kbd', {}, '?'), ' lists the keys.'));
      fill(this.best);
      return;
    }
    let sum = 0;
    for (let i = 0; i < n; i++) sum += data[q * n + i];
    const fact = (label, i) => [el('dt', {}, label), el('dd', {}, el('code', {}, visible(tokens[i])), el('small', {}, ` at ${i}`))];
    fill(this.readout, el('dl', {}, fact('Query', q), fact('Key', k),
      el('dt', {}, 'Weight'), el('dd', { class: 'number', id: 'weight' }, digits(data[q * n + k])),
      el('dt', {}, 'Row sum'), el('dd', { class: 'number' }, digits(sum))),
    state.lock && el('span', { class: 'lock' }, 'locked'));
    const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => value(b) - value(a) || a - b).slice(0, 8).filter((i) => value(i) > 0);
    fill(this.best, el('h3', {}, state.look === 'from' ? 'Keys with most weight' : 'Queries with most weight'), el('ol', {}, order.map((i) => el('li', {},
      el('code', {}, shorten(visible(tokens[i]), 15)), el('small', {}, ` ${i} `), bar(value(i), table), el('span', { class: 'number' }, digits(value(i)))))));
    if (document.activeElement === this.map.element) say(`Query ${q} ${tokens[q]}, key ${k} ${tokens[k]}, weight ${digits(data[q * n + k])}`);
  }

  key(event) {
    if (!this.matrix) return false;
    const moves = { h: { heads: -1 }, l: { heads: 1 }, k: { layers: -1 }, j: { layers: 1 }, p: { prompts: -1 }, n: { prompts: 1 } };
    if (moves[event.key]) {
      change({ at: placeKey(step(this.place, moves[event.key])) });
      return true;
    }
    return moveKeys(event, this.matrix.n);
  }

  name() {
    if (!this.place) throw new Error('nothing is shown here');
    return `${titleOf(this.place.model)}-${headName(this.place.layer, this.place.head)}-${this.place.prompt}`;
  }

  scene() {
    return this.map.sceneWith({ q: state.q, k: state.k });
  }

  * rows() {
    yield* matrixRows(this.matrix, (q, k) => [this.matrix.data[q * this.matrix.n + k]], ['weight']);
  }
}

/** The shown part of a matrix as rows for a file. */
export function* matrixRows(matrix, values, names) {
  if (!matrix) throw new Error('nothing is shown here');
  const { q0, k0, cells } = window_(state.zoom, matrix.n);
  yield ['query', 'key', 'query_token', 'key_token', ...names];
  for (let q = q0; q < q0 + cells; q++) {
    for (let k = k0; k < Math.min(k0 + cells, q + 1); k++) {
      if (!state.first && k === 0) continue;
      yield [q, k, matrix.tokens[q], matrix.tokens[k], ...values(q, k)];
    }
  }
}

function bar(value, table) {
  return el('span', { class: 'bar' }, el('i', { style: { width: `${Math.max(1, value * 100)}%`, background: css(table, 0.75) } }));
}
