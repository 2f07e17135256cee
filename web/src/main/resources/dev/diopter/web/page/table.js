// All heads of a model in numbers, to find those worth a look.
import { css, palette } from './colors.js';
import { address, facts, models, titleOf } from './data.js';
import { choice, el, fill, notice } from './dom.js';
import { headName } from './heads.js';
import { inks } from './heatmap.js';
import { Scene } from './scene.js';
import { COLUMNS, scoreHeads } from './scores.js';
import { chosenHeads, chosenPrompts } from './sidebar.js';
import { change, placeKey, state } from './state.js';
import { existing } from './head.js';

const MOST_PROMPTS = 32;

export class TableView {
  constructor(root) {
    this.bar = el('div', { class: 'place' });
    this.note = el('p', { class: 'summary', role: 'status' });
    this.table = el('table', { class: 'scores' });
    fill(root, this.bar, this.note, el('div', { class: 'scroller plain' }, this.table));
    this.run = 0;
    this.rowsShown = [];
  }

  async update(changed) {
    const place = existing(state.at);
    if (!place) {
      fill(this.note, 'Nothing is saved here yet.');
      return;
    }
    const model = models.get(place.model);
    if (changed && this.rows && [...changed].every((n) => ['sort', 'down', 'q', 'k', 'theme', 'palette'].includes(n))) {
      this.show(model);
      return;
    }
    this.place = place;
    fill(this.bar, choice('Model', [...models.values()].filter((m) => m.prompts.size).map((m) => [m.name, titleOf(m.name)]), model.name,
      (name) => change({ at: placeKey({ ...place, model: name }) })));
    const all = chosenPrompts().find((c) => c.model === model)?.prompts ?? [...model.prompts.values()];
    const hashes = all.slice(0, MOST_PROMPTS).map((p) => p.hash);
    const run = ++this.run;
    fill(this.note, 'Computing\u2026');
    const saved = facts.heads.includes(model.name) ? await this.saved(model) : null;
    const scored = await scoreHeads(model.name, hashes, () => run !== this.run);
    if (!scored) return;
    this.rows = scored.rows.map((row) => ({ ...row, ...saved?.get(headName(row.layer, row.head)) }));
    fill(this.note, `Over ${hashes.length} ${hashes.length === 1 ? 'prompt' : 'prompts'}`,
      all.length > hashes.length && ` (the first of ${all.length} that are chosen)`,
      saved && '; columns of heads.json come from \u201cattention heads\u201d', scored.failed > 0 && `; ${scored.failed} patterns could not be read`, '.');
    this.show(model);
  }

  /** What "attention heads --json" wrote; its numbers go before the page's own. */
  async saved(model) {
    const url = address(model.name, 'heads.json');
    try {
      const { heads } = await (await fetch(url)).json();
      const found = new Map();
      for (const { layer, head, ...scores } of heads) {
        const numbers = Object.entries(scores).filter(([, v]) => typeof v === 'number');
        found.set(headName(layer, head), Object.fromEntries(numbers));
      }
      return found;
    } catch {
      notice(`${url}: expected the object of \u201cattention heads --json\u201d, found something else`, 'error');
      return null;
    }
  }

  columns() {
    const known = COLUMNS.filter(([key, , , own]) => own || this.rows.some((r) => key in r));
    const names = new Set(['layer', 'head', ...COLUMNS.map((c) => c[0])]);
    const others = [...new Set(this.rows.flatMap((r) => Object.keys(r)))].filter((k) => !names.has(k));
    return [...known, ...others.map((k) => [k, k.replaceAll('_', ' '), 'from heads.json'])];
  }

  show(model) {
    const columns = this.columns();
    const sort = state.sort;
    const sign = state.down ? -1 : 1;
    const wanted = new Set(chosenHeads(model).map(([l, h]) => headName(l, h)));
    const value = (r) => (sort === 'layer' ? r.layer * 1e4 + r.head : r[sort] ?? null);
    const rows = this.rows.filter((r) => wanted.has(headName(r.layer, r.head))).sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (x - y) || a.layer - b.layer || a.head - b.head;
    });
    const most = Object.fromEntries(columns.map(([key]) => [key, Math.max(...rows.map((r) => Math.abs(r[key] ?? 0)), 1e-12)]));
    const header = (key, title, meaning) => el('th', { scope: 'col', 'aria-sort': sort === key ? (state.down ? 'descending' : 'ascending') : 'none', title: meaning },
      el('button', { 'data-sort': key, onclick: () => change(sort === key ? { down: !state.down } : { sort: key, down: key !== 'layer' }) }, title, el('span', { 'aria-hidden': 'true' }, sort === key ? (state.down ? ' \u2193' : ' \u2191') : ' \u2195')));
    const table = palette(state.palette);
    fill(this.table, el('caption', { class: 'hidden' }, `Heads of ${titleOf(model.name)}`),
      el('thead', {}, el('tr', {}, header('layer', 'Head', 'Layer and head'), columns.map(([key, title, meaning]) => header(key, title, meaning)))),
      el('tbody', {}, rows.map((row) => el('tr', {},
        el('th', { scope: 'row' }, el('button', { class: 'link', 'data-head': headName(row.layer, row.head), onclick: () => change({ view: 'head', at: placeKey({ ...this.place, layer: row.layer, head: row.head }) }) }, headName(row.layer, row.head))),
        columns.map(([key]) => this.cell(row[key] ?? null, most[key], table))))));
    this.rowsShown = rows;
  }

  cell(value, most, table) {
    if (value === null) return el('td', { class: 'none', title: 'nothing to measure in these prompts' }, '\u2013');
    return el('td', {}, el('span', { class: 'bar' }, el('i', { style: { width: `${(100 * Math.abs(value)) / most}%`, background: css(table, 0.7) } })), el('span', { class: 'number' }, value.toFixed(4)));
  }

  key() {
    return false;
  }

  name() {
    return `${titleOf(this.place.model)}-heads`;
  }

  scene() {
    const ink = inks();
    const columns = this.columns();
    const scene = new Scene(90 + columns.length * 120, 40 + this.rowsShown.length * 22, ink.back);
    const table = palette(state.palette);
    scene.text(16, 20, 'Head', { fill: ink.text, bold: true });
    columns.forEach(([key, title], c) => {
      const x = 90 + c * 120;
      scene.text(x + 108, 20, title, { fill: ink.text, bold: true, align: 'end' });
      const most = Math.max(...this.rowsShown.map((r) => Math.abs(r[key] ?? 0)), 1e-12);
      this.rowsShown.forEach((r, i) => {
        const y = 50 + i * 22;
        const v = r[key] ?? null;
        if (v !== null) scene.rect(x, y - 4, (48 * Math.abs(v)) / most, 8, { fill: css(table, 0.7) });
        scene.text(x + 108, y, v === null ? '\u2013' : v.toFixed(4), { fill: ink.text, align: 'end', mono: true });
      });
    });
    this.rowsShown.forEach((r, i) => scene.text(16, 50 + i * 22, headName(r.layer, r.head), { fill: ink.text, mono: true }));
    return scene;
  }

  * csvRows() {
    const columns = this.columns();
    yield ['layer', 'head', ...columns.map(([key]) => key)];
    for (const row of this.rowsShown) yield [row.layer, row.head, ...columns.map(([key]) => row[key] ?? '')];
  }
}
