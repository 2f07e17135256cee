// One pattern, large: labels where they fit, a colour bar, and a cross at the query and key that are looked at.
import { css, isDark, paint, palette, scaled, shades } from './colors.js';
import { el } from './dom.js';
import { Scene, draw } from './scene.js';
import { shorten, visible } from './tokens.js';

/** Colours of lines and texts in pictures, by theme. */
export const inks = () => isDark()
  ? { back: '#171c26', text: '#e8ecf4', faint: '#9aa5b8', line: '#3a4456', cross: '#ffb454', empty: '#1d2430' }
  : { back: '#ffffff', text: '#1b2230', faint: '#5c677a', line: '#cfd6e2', cross: '#c2410c', empty: '#f4f6fa' };

/** Six digits, without more. */
export const digits = (x) => (x === 0 ? '0' : Math.abs(x) < 1e-4 ? x.toExponential(3) : x.toFixed(6));

/** A matrix, ready to draw: shades as a picture of its own. difference: the size that stands for full colour, 0 for weights. */
export function sourceOf(matrix, state, difference = 0, most = matrix.n) {
  const values = shades(matrix, { scale: state.scale, first: state.first, difference });
  const table = palette(difference > 0 ? 'difference' : state.palette);
  const canvas = document.createElement('canvas');
  const middle = difference > 0 ? 0.5 : 0;
  paint(canvas, values, matrix.n, table, most, middle);
  return { values, n: matrix.n, table, canvas, middle, difference };
}

/** The part that is shown: first query, first key, number of cells. */
export function window_(zoom, n) {
  const [q0, k0, cells] = zoom.split(',').map(Number);
  if (!(cells >= 4 && cells < n)) return { q0: 0, k0: 0, cells: n };
  const clamp = (x) => Math.max(0, Math.min(n - cells, Math.round(x) || 0));
  return { q0: clamp(q0), k0: clamp(k0), cells: Math.round(cells) };
}

/** The picture of a matrix within a square of about this size; where its cells lie comes with it. */
export function heatScene({ matrix, source, title, state, size, marks = null, labelled = true }) {
  const ink = inks();
  const { q0, k0, cells } = window_(state.zoom, matrix.n);
  const room = labelled ? Math.min(110, size * 0.2) : 8;
  const around = labelled ? 62 : 8;
  const named = labelled && (size - room - around) / cells >= 11;
  const left = labelled ? (named ? room : 40) : 8;
  const cell = Math.max(0.5, (size - left - around) / cells);
  const top = title ? 34 : 10;
  const side = cell * cells;
  const bottom = labelled ? (named ? room : 30) : 8;
  const scene = new Scene(Math.ceil(left + side + around), Math.ceil(top + side + bottom), ink.back);
  if (title) scene.text(left, 16, shorten(title, Math.floor((side + 50) / 7)), { size: 13, fill: ink.text, bold: true });
  scene.rect(left, top, side, side, { fill: ink.empty });
  scene.matrix(left, top, side, side, source, q0, k0, cells);
  scene.rect(left, top, side, side, { stroke: ink.line });
  const every = named ? 1 : Math.ceil(cells / 8 / 4) * 4 || 1;
  for (let i = 0; i < cells; i += every) {
    const middle = (i + 0.5) * cell;
    const label = (at) => (named ? shorten(visible(matrix.tokens[at]), Math.floor((room - 8) / 7.3)) : String(at));
    const style = { size: Math.min(12, named ? cell - 1 : 11), fill: ink.faint, mono: named };
    scene.text(left - 6, top + middle, label(q0 + i), { ...style, align: 'end' });
    if (named) scene.text(left + middle, top + side + 7, label(k0 + i), { ...style, align: 'end', turn: -60 });
    else if (labelled) scene.text(left + middle, top + side + 13, label(k0 + i), { ...style, align: 'middle' });
  }
  if (labelled) bar(scene, left + side + 14, top, Math.min(side, 180), source, state, ink);
  if (marks && marks.q >= 0 && marks.k >= 0) cross(scene, { left, top, cell, q0, k0, cells }, marks, ink);
  return { scene, left, top, cell, q0, k0, cells };
}

function bar(scene, x, y, height, source, state, ink) {
  const steps = 64;
  for (let i = 0; i < steps; i++) {
    scene.rect(x, y + (i * height) / steps, 12, height / steps + 0.5, { fill: css(source.table, 1 - (i + 0.5) / steps) });
  }
  scene.rect(x, y, 12, height, { stroke: ink.line });
  const d = source.difference;
  const texts = d > 0 ? [[0, `+${short(d)}`], [0.5, '0'], [1, `\u2212${short(d)}`]]
    : state.scale === 'row' ? [[0, 'row'], [0.09, 'max'], [1, '0']]
      : [1, 0.5, 0.1, 0.01, 0].map((v) => [1 - scaled(v, state.scale), String(v)]);
  let last = -1;
  for (const [at, text] of texts) {
    if (at !== 1 && ((last >= 0 && (at - last) * height < 12) || (1 - at) * height < 16)) continue;
    scene.text(x + 17, y + at * height + (at === 0 ? 5 : at === 1 ? -5 : 0), text, { size: 10, fill: ink.faint });
    last = at;
  }
}

const short = (x) => (x >= 0.01 ? x.toFixed(2) : x.toExponential(0));

function cross(scene, g, { q, k }, ink) {
  const y = g.top + (q - g.q0) * g.cell;
  const x = g.left + (k - g.k0) * g.cell;
  const inside = (i, first) => i >= first && i < first + g.cells;
  const side = g.cells * g.cell;
  if (inside(q, g.q0)) scene.rect(g.left, y, side, g.cell, { stroke: ink.cross, line: 1 });
  if (inside(k, g.k0)) scene.rect(x, g.top, g.cell, side, { stroke: ink.cross, line: 1 });
  if (inside(q, g.q0) && inside(k, g.k0)) scene.rect(x, y, g.cell, g.cell, { stroke: ink.cross, line: 2.5 });
}

/** The picture on the page: two canvases, so that a moving cross draws only itself. */
export class HeatMap {
  /** on: {point(q, k), lock(q, k), wheel(direction, q, k)}. */
  constructor(label, on) {
    this.base = el('canvas', { 'aria-hidden': 'true' });
    this.top = el('canvas', { class: 'over', 'aria-hidden': 'true' });
    this.element = el('div', {
      class: 'heat', tabindex: 0, role: 'application', 'aria-label': label,
      'aria-roledescription': 'attention map', 'aria-describedby': 'readout',
    }, this.base, this.top);
    this.geometry = null;
    this.shown = null;
    this.element.addEventListener('pointermove', (e) => this.cellAt(e, on.point));
    this.element.addEventListener('click', (e) => this.cellAt(e, on.lock));
    this.element.addEventListener('wheel', (e) => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault();
      this.cellAt(e, (q, k) => on.wheel(Math.sign(e.deltaY), q, k));
    }, { passive: false });
  }

  cellAt(event, then) {
    const g = this.geometry;
    if (!g) return;
    const box = this.element.getBoundingClientRect();
    const i = Math.floor((event.clientY - box.top - g.top) / g.cell);
    const j = Math.floor((event.clientX - box.left - g.left) / g.cell);
    if (i >= 0 && j >= 0 && i < g.cells && j < g.cells) then(g.q0 + i, g.k0 + j);
  }

  show(what) {
    this.shown = what;
    this.geometry = heatScene(what);
    draw(this.base, this.geometry.scene);
    this.mark(-1, -1, false);
  }

  /** Shows nothing: better than the pattern before the one that cannot be shown. */
  clear() {
    this.shown = null;
    this.geometry = null;
    for (const canvas of [this.base, this.top]) canvas.width = canvas.height = 0;
  }

  mark(q, k) {
    if (!this.geometry) return;
    const { scene, ...g } = this.geometry;
    const over = { width: scene.width, height: scene.height, shapes: [], rect: Scene.prototype.rect };
    if (q >= 0 && k >= 0) cross(over, g, { q, k }, inks());
    draw(this.top, over);
  }

  /** The picture with its cross, for files. */
  sceneWith(marks) {
    if (!this.shown) throw new Error('nothing is shown here');
    return heatScene({ ...this.shown, marks }).scene;
  }
}
