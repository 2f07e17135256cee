// Two heads or prompts side by side, and their difference with its sign.
import { titleOf } from './data.js';
import { el, fill, say } from './dom.js';
import { headName } from './heads.js';
import { HeatMap, digits, sourceOf } from './heatmap.js';
import { caption, existing, matrixRows, moveKeys, placePicker, step, zoomed } from './head.js';
import { matrixOf } from './patterns.js';
import { Scene } from './scene.js';
import { change, placeKey, state } from './state.js';
import { visible } from './tokens.js';

export class CompareView {
  constructor(root) {
    this.both = null;
    const on = {
      point: (q, k) => !state.lock && change({ q, k }),
      lock: (q, k) => change({ q, k, lock: !(state.lock && state.q === q && state.k === k) }),
      wheel: (d, q, k) => change({ zoom: zoomed(d, this.both?.n ?? 1, q, k) }),
    };
    this.maps = ['First pattern', 'Second pattern', 'First minus second'].map((label) => new HeatMap(label, on));
    this.pickers = el('div', { class: 'pickers' });
    this.readout = el('div', { id: 'readout', class: 'readout wide' });
    fill(root, this.pickers, this.readout, el('div', { class: 'three' }, this.maps.map((m) => m.element)));
  }

  places() {
    const a = existing(state.at);
    if (!a) return null;
    return [a, state.against ? existing(state.against) : step(a, { heads: 1 })];
  }

  async update(changed) {
    const places = this.places();
    if (!places) {
      this.shownPlaces = null;
      this.clear();
      fill(this.pickers, el('p', { class: 'empty' }, 'Nothing is saved here yet.'));
      return;
    }
    if (changed && this.both && [...changed].every((name) => ['q', 'k', 'lock', 'look'].includes(name))) {
      this.point();
      return;
    }
    this.shownPlaces = places;
    const [a, b] = places;
    fill(this.pickers,
      placePicker(a, (p) => change({ at: placeKey(p), against: placeKey(b) }), 'A'),
      el('button', { class: 'swap', 'aria-label': 'Swap A and B', title: 'Swap A and B', onclick: () => change({ at: placeKey(b), against: placeKey(a) }) }, '\u21c4'),
      placePicker(b, (p) => change({ against: placeKey(p) }), 'B'));
    try {
      const [x, y] = await Promise.all([matrixOf(a), matrixOf(b)]);
      if (this.shownPlaces !== places) return;
      this.join(x, y);
      this.draw();
    } catch (e) {
      if (e.name === 'AbortError' || this.shownPlaces !== places) return;
      this.clear();
      fill(this.readout, el('p', { class: 'error', role: 'alert' }, e.message));
    }
  }

  /** Shows nothing: better than what was there before. */
  clear() {
    this.both = null;
    this.maps.forEach((map) => map.clear());
    fill(this.readout);
  }

  /** Both cut to their common length, from the start on, and the difference. */
  join(x, y) {
    const n = Math.min(x.n, y.n);
    const cut = (m) => {
      if (m.n === n) return m;
      const data = new Float32Array(n * n);
      for (let q = 0; q < n; q++) data.set(m.data.subarray(q * m.n, q * m.n + n), q * n);
      return { n, data, tokens: m.tokens.slice(0, n) };
    };
    const [a, b] = [cut(x), cut(y)];
    const data = new Float32Array(n * n);
    let most = 0;
    for (let i = 0; i < data.length; i++) {
      data[i] = a.data[i] - b.data[i];
      most = Math.max(most, Math.abs(data[i]));
    }
    const tokens = a.tokens.map((t, i) => (t === b.tokens[i] ? t : `${t}/${b.tokens[i]}`));
    this.both = { n, a, b, difference: { n, data, tokens }, most, lengths: [x.n, y.n] };
  }

  draw() {
    const { a, b, difference, most } = this.both;
    const width = this.maps[0].element.parentElement.clientWidth;
    const columns = width > 1000 ? 3 : width > 640 ? 2 : 1;
    const size = Math.max(260, Math.min((width - 18 * (columns - 1)) / columns - 4, 680));
    const titles = [`A  ${caption(this.shownPlaces[0])}`, `B  ${caption(this.shownPlaces[1])}`, 'A \u2212 B'];
    [a, b, difference].forEach((matrix, i) => this.maps[i].show({
      matrix, source: sourceOf(matrix, state, i === 2 ? most || 1 : 0), state: { ...state }, size, title: titles[i],
    }));
    this.point();
  }

  point() {
    const { n, a, b, difference, most, lengths } = this.both;
    const [q, k] = [state.q < n ? state.q : -1, state.k < n ? state.k : -1];
    this.maps.forEach((map) => {
      map.mark(q, k);
      map.element.classList.toggle('locked', state.lock);
    });
    const note = lengths[0] === lengths[1] ? '' : ` Prompts of ${lengths[0]} and ${lengths[1]} positions: the first ${n} are compared.`;
    if (q < 0 || k < 0) {
      fill(this.readout, el('p', { class: 'hint' }, `Largest difference ${digits(most)}.${note} Point at a map for numbers.`));
      return;
    }
    const at = q * n + k;
    const term = (name, value) => [el('dt', {}, name), el('dd', {}, value)];
    fill(this.readout, el('dl', {},
      term('Query', el('code', {}, `${visible(difference.tokens[q])} ${q}`)), term('Key', el('code', {}, `${visible(difference.tokens[k])} ${k}`)),
      term('A', el('span', { class: 'number' }, digits(a.data[at]))), term('B', el('span', { class: 'number' }, digits(b.data[at]))),
      term('A \u2212 B', el('span', { class: 'number', id: 'difference' }, digits(difference.data[at])))),
    state.lock && el('span', { class: 'lock' }, 'locked'), note && el('p', { class: 'hint' }, note));
    if (this.maps.some((m) => m.element === document.activeElement)) say(`A ${digits(a.data[at])}, B ${digits(b.data[at])}`);
  }

  key(event) {
    return this.both ? moveKeys(event, this.both.n) : false;
  }

  name() {
    if (!this.shownPlaces) throw new Error('nothing is shown here');
    const [a, b] = this.shownPlaces;
    return `compare-${titleOf(a.model)}-${headName(a.layer, a.head)}-${titleOf(b.model)}-${headName(b.layer, b.head)}`;
  }

  scene() {
    const scenes = this.maps.map((m) => m.sceneWith({ q: state.q, k: state.k }));
    const all = new Scene(scenes.reduce((w, s) => w + s.width, 0), Math.max(...scenes.map((s) => s.height)), scenes[0].shapes[0].fill);
    let x = 0;
    for (const scene of scenes) {
      for (const shape of scene.shapes) all.shapes.push({ ...shape, x: shape.x + x });
      x += scene.width;
    }
    return all;
  }

  * rows() {
    const { a, b, difference, n } = this.both ?? {};
    yield* matrixRows(difference, (q, k) => [a.data[q * n + k], b.data[q * n + k], difference.data[q * n + k]], ['a', 'b', 'a_minus_b']);
  }
}
