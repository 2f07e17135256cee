// All patterns as small pictures. Only what can be seen is there: rows come and go while scrolling.
import { paint, palette, shades } from './colors.js';
import { LIVE, address, figures, models, titleOf } from './data.js';
import { el, fill, notice } from './dom.js';
import { headName } from './heads.js';
import { inks, sourceOf } from './heatmap.js';
import { cancelWaiting, matrixNow, matrixOf } from './patterns.js';
import { Scene } from './scene.js';
import { chosenHeads, chosenPrompts } from './sidebar.js';
import { change, placeKey, state } from './state.js';
import { line as plain, shorten } from './tokens.js';

const GAP = 6;
const SIDE = 44; // for the row's name
const TITLE = 40;
const MOST_NARROW = 240; // of a group, so that its title can be read
const NAME = 16; // below a cell that is large enough

export class GridView {
  constructor(root) {
    this.inner = el('div', { class: 'rows' });
    this.scroller = el('div', { class: 'scroller', role: 'grid', 'aria-label': 'Patterns', tabindex: -1 }, this.inner);
    this.summary = el('p', { class: 'summary' });
    fill(root, this.summary, this.scroller);
    this.rows = [];
    this.shown = new Map(); // index of row -> element
    this.focused = '';
    this.jobs = [];
    this.scroller.addEventListener('scroll', () => this.schedule(), { passive: true });
    this.scroller.addEventListener('click', (e) => this.open(e));
    new ResizeObserver(() => this.layout()).observe(this.scroller);
  }

  update(changed) {
    const others = ['q', 'k', 'lock', 'look', 'at', 'against', 'zoom', 'sort', 'down', 'filter', 'view'];
    if (changed && [...changed].every((name) => others.includes(name)) && !changed.has('view')) return;
    this.layout();
  }

  /** The groups: a title and its cells, of which each line has a name. */
  groups() {
    const groups = [];
    for (const { model, prompts } of chosenPrompts()) {
      const heads = chosenHeads(model);
      if (state.arrange === 'prompt') {
        for (const prompt of prompts) {
          const lines = new Map();
          for (const [layer, head] of heads) {
            if (!lines.has(layer)) lines.set(layer, []);
            lines.get(layer).push({ model: model.name, prompt: prompt.hash, layer, head });
          }
          groups.push({ model, prompt, lines: [...lines].map(([layer, cells]) => [`L${layer}`, cells]), name: (c) => `H${c.head}` });
        }
      } else {
        for (const [layer, head] of heads) {
          const cells = prompts.map((p) => ({ model: model.name, prompt: p.hash, layer, head }));
          groups.push({ model, title: headName(layer, head), lines: [['', cells]], name: (c) => shorten(plain(model.prompts.get(c.prompt)?.text ?? ''), Math.floor(state.size / 6.5)) });
        }
      }
    }
    return groups;
  }

  layout() {
    const width = this.scroller.clientWidth - SIDE - 16;
    if (width < 50) return;
    const size = state.size;
    const columns = Math.max(1, Math.floor((width + GAP) / (size + GAP)));
    const lineHeight = size + GAP + (size >= 56 ? NAME : 0);
    this.rows = [];
    let y = 0;
    let bottom = 0;
    let x = 0;
    let cells = 0;
    for (const group of this.groups()) {
      const longest = Math.min(columns, Math.max(...group.lines.map(([, line]) => line.length)));
      const wide = Math.max(MOST_NARROW, SIDE + longest * (size + GAP) + 20);
      // Groups stand beside each other where there is room.
      if (x > 0 && x + wide > width + SIDE + 16) {
        x = 0;
        y = bottom;
      }
      this.rows.push({ x, y, height: TITLE, wide, group });
      let at = y + TITLE;
      for (const [name, line] of group.lines) {
        for (let i = 0; i < line.length; i += columns) {
          const part = line.slice(i, i + columns);
          this.rows.push({ x, y: at, height: lineHeight, group, name: i === 0 ? name : '', cells: part });
          at += lineHeight;
          cells += part.length;
        }
      }
      bottom = Math.max(bottom, at);
      x += wide;
    }
    this.rows.sort((a, b) => a.y - b.y || a.x - b.x);
    this.inner.style.height = `${bottom + 20}px`;
    this.shown.forEach((element) => element.remove());
    this.shown.clear();
    fill(this.summary, cells ? `${cells.toLocaleString('en')} ${cells === 1 ? 'pattern' : 'patterns'}` : 'Nothing is chosen: tick a model and a prompt at the left.');
    this.cellCount = cells;
    this.jobs.length = 0;
    this.render();
  }

  schedule() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.render();
    });
  }

  firstAt(y) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].y < y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  render() {
    const top = this.scroller.scrollTop;
    const bottom = top + this.scroller.clientHeight;
    const margin = 300; // more than any row is high
    const wanted = new Set();
    for (let i = this.firstAt(top - margin); i < this.rows.length && this.rows[i].y < bottom + margin; i++) wanted.add(i);
    let gone = 0;
    for (const [i, element] of this.shown) {
      if (wanted.has(i)) continue;
      element.remove();
      this.shown.delete(i);
      gone++;
    }
    if (gone) {
      cancelWaiting();
      this.jobs = this.jobs.filter((job) => job.cell.isConnected);
      // What still waits was dropped with the rest: ask again for what is in sight.
      for (const element of this.shown.values()) element.querySelectorAll('[data-wait]').forEach((cell) => this.ask(cell));
    }
    for (const i of wanted) {
      if (this.shown.has(i)) continue;
      const element = this.row(this.rows[i], i);
      this.shown.set(i, element);
      this.inner.append(element);
    }
    if (!this.inner.querySelector('[tabindex="0"]')) this.inner.querySelector('.cell')?.setAttribute('tabindex', '0');
  }

  row(row, index) {
    if (!row.cells) {
      const { model, prompt, title } = row.group;
      return el('div', { class: 'row title', role: 'row', style: { top: `${row.y}px`, left: `${row.x}px`, width: `${row.wide}px` } }, el('div', { role: 'rowheader' },
        el('strong', {}, title ?? titleOf(model.name)), ' ', el('span', { class: 'text' }, prompt ? shorten(plain(prompt.title ?? prompt.text), 200) : titleOf(model.name)),
        prompt && el('small', {}, ` ${prompt.count} tokens`)));
    }
    const line = el('div', { class: 'row', role: 'row', 'aria-rowindex': index + 1, style: { top: `${row.y}px`, left: `${row.x}px` } }, el('span', { class: 'side', role: 'rowheader' }, row.name));
    for (const place of row.cells) line.append(this.cell(place, row.group));
    return line;
  }

  cell(place, group) {
    const key = placeKey(place);
    const cell = el('button', {
      class: 'cell', role: 'gridcell', 'data-key': key, tabindex: key === this.focused ? 0 : -1, 'data-wait': '',
      'aria-label': `${titleOf(place.model)} layer ${place.layer} head ${place.head}, ${shorten(models.get(place.model)?.prompts.get(place.prompt)?.text ?? '', 40)}`,
      title: `${headName(place.layer, place.head)}`,
      style: { width: `${state.size}px` },
    }, el('span', { class: 'picture', style: { height: `${state.size}px` } }), state.size >= 56 && el('span', { class: 'name' }, group.name(place)));
    cell.place = place;
    this.ask(cell);
    return cell;
  }

  ask(cell) {
    const { place } = cell;
    const figure = state.figure && place.model !== LIVE && figures.find((f) => f.name === state.figure);
    if (figure) {
      this.askFigure(cell, figure);
      return;
    }
    const now = matrixNow(place);
    if (now) {
      this.enqueue(cell, now);
      return;
    }
    matrixOf(place).then((matrix) => cell.isConnected && this.enqueue(cell, matrix), (e) => this.fail(cell, e));
  }

  fail(cell, e) {
    if (e.name === 'AbortError' || !cell.isConnected) return;
    cell.removeAttribute('data-wait');
    cell.classList.add('broken');
    cell.title = e.message;
    fill(cell.firstChild, el('span', { class: 'mark' }, '!'));
    notice(e.message, 'error');
  }

  /** Pictures are painted a few milliseconds a frame, so that scrolling stays smooth whatever their size. */
  enqueue(cell, matrix) {
    this.jobs.push({ cell, matrix });
    if (this.painting) return;
    this.painting = true;
    const work = () => {
      const end = performance.now() + 8;
      while (this.jobs.length && performance.now() < end) {
        const job = this.jobs.shift();
        if (job.cell.isConnected) this.paint(job.cell, job.matrix);
      }
      if (this.jobs.length) requestAnimationFrame(work);
      else this.painting = false;
    };
    requestAnimationFrame(work);
  }

  paint(cell, matrix) {
    const canvas = el('canvas', { 'aria-hidden': 'true' });
    const most = Math.ceil(state.size * (window.devicePixelRatio || 1));
    paint(canvas, shades(matrix, state), matrix.n, palette(state.palette), most);
    fill(cell.firstChild, canvas);
    cell.removeAttribute('data-wait');
  }

  async askFigure(cell, figure) {
    try {
      const image = await figureOf(cell.place, figure);
      if (cell.isConnected) {
        fill(cell.firstChild, image);
        cell.removeAttribute('data-wait');
      }
    } catch (e) {
      this.fail(cell, e);
    }
  }

  open(event) {
    const cell = event.target.closest('.cell');
    if (!cell) return;
    this.focused = cell.dataset.key;
    if (event.shiftKey) change({ view: 'compare', against: cell.dataset.key });
    else change({ view: 'head', at: cell.dataset.key });
  }

  key(event) {
    const cell = event.target.closest?.('.cell');
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], PageUp: [-5, 0], PageDown: [5, 0] }[event.key];
    if (!by || !cell) return false;
    const index = this.rows.findIndex((r) => r.cells?.some((p) => placeKey(p) === cell.dataset.key));
    let row = index;
    let column = this.rows[row].cells.findIndex((p) => placeKey(p) === cell.dataset.key) + by[1];
    for (let left = Math.abs(by[0]); left > 0; left--) {
      let to = row + Math.sign(by[0]);
      while (this.rows[to] && (!this.rows[to].cells || this.rows[to].x !== this.rows[index].x)) to += Math.sign(by[0]);
      if (this.rows[to]) row = to;
    }
    column = Math.max(0, Math.min(this.rows[row].cells.length - 1, column));
    this.focus(row, column);
    return true;
  }

  focus(row, column) {
    const { y, height, cells } = this.rows[row];
    const s = this.scroller;
    if (y < s.scrollTop + 4) s.scrollTop = Math.max(0, y - TITLE);
    else if (y + height > s.scrollTop + s.clientHeight) s.scrollTop = y + height - s.clientHeight + 8;
    this.render();
    this.focused = placeKey(cells[column]);
    this.inner.querySelectorAll('.cell[tabindex="0"]').forEach((c) => c.setAttribute('tabindex', '-1'));
    const cell = [...this.inner.querySelectorAll('.cell')].find((c) => c.dataset.key === this.focused);
    cell?.setAttribute('tabindex', '0');
    cell?.focus({ preventScroll: true });
  }

  name() {
    return 'patterns';
  }

  /** What stands in the window. */
  visible() {
    const box = this.scroller.getBoundingClientRect();
    return [...this.inner.querySelectorAll('.cell, .title')].map((element) => ({ element, at: element.getBoundingClientRect() }))
      .filter(({ at }) => at.bottom > box.top && at.top < box.bottom)
      .map(({ element, at }) => ({ element, x: at.left - box.left, y: at.top - box.top, w: at.width, h: at.height }));
  }

  scene() {
    const ink = inks();
    const scene = new Scene(this.scroller.clientWidth, this.scroller.clientHeight, ink.back);
    for (const { element, x, y, h } of this.visible()) {
      if (element.classList.contains('title')) {
        scene.text(x + 4, y + h / 2, shorten(element.textContent, 120), { fill: ink.text, size: 13 });
        continue;
      }
      const matrix = matrixNow(element.place);
      const image = element.querySelector('img');
      if (image) scene.image(x, y, state.size, state.size, image);
      else if (matrix) scene.matrix(x, y, state.size, state.size, sourceOf(matrix, state, 0, state.size * 2));
      scene.rect(x, y, state.size, state.size, { stroke: ink.line });
      const name = element.querySelector('.name');
      if (name) scene.text(x + state.size / 2, y + state.size + 9, name.textContent, { size: 10.5, fill: ink.faint, align: 'middle' });
    }
    const box = this.scroller.getBoundingClientRect();
    for (const side of this.inner.querySelectorAll('.side')) {
      const at = side.getBoundingClientRect();
      scene.text(at.left - box.left + 34, at.top - box.top + state.size / 2, side.textContent, { size: 12, fill: ink.faint, align: 'end' });
    }
    return scene;
  }

  * csvRows() {
    yield ['model', 'prompt', 'layer', 'head', 'query', 'key', 'weight'];
    for (const { element } of this.visible()) {
      const matrix = element.place && matrixNow(element.place);
      if (!matrix) continue;
      const { model, prompt, layer, head } = element.place;
      for (let q = 0; q < matrix.n; q++) {
        for (let k = state.first ? 0 : 1; k <= q; k++) yield [titleOf(model), prompt, layer, head, q, k, matrix.data[q * matrix.n + k]];
      }
    }
  }
}

const formats = new Map(); // model and function -> promise of the format that its figures have

/** A head's saved figure. The list of figures has one format for all models, but each model may have been drawn in another. */
async function figureOf(place, figure) {
  const key = JSON.stringify([place.model, figure.name]);
  const known = formats.get(key);
  let likely = figure.format;
  if (known) likely = (await known) ?? likely;
  const search = firstThatIs([likely, ...['svgz', 'svg', 'png'].filter((f) => f !== likely)], place, figure);
  // The first one looks for all; the others wait for what it finds, and so does the next one where it found none.
  if (!known) formats.set(key, search.then(({ format }) => format, () => void formats.delete(key)));
  return (await search).image;
}

async function firstThatIs(tried, place, figure) {
  const url = (format) => address(place.model, 'prompts', place.prompt, `L${place.layer}`, `H${place.head}`, `${figure.name}.${format}`);
  for (const format of tried) {
    try {
      const image = el('img', { alt: '', draggable: 'false' });
      image.src = format === 'svgz' ? await unpacked(url(format)) : url(format);
      await image.decode();
      return { image, format };
    } catch {
      // Not in this format, then.
    }
  }
  throw new Error(`${decodeURIComponent(url(tried[0]))}: no such figure, nor as ${tried.slice(1).join(' or ')}, or it cannot be shown`);
}

const unpackedUrls = new Map();

/** A static host sends .svgz as it is, a server that knows it as an SVG: the first bytes tell. */
async function unpacked(url) {
  if (unpackedUrls.has(url)) return unpackedUrls.get(url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  let blob = await response.blob();
  const start = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  if (start[0] === 0x1f && start[1] === 0x8b) {
    blob = await new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).blob();
  }
  const made = URL.createObjectURL(new Blob([blob], { type: 'image/svg+xml' }));
  unpackedUrls.set(url, made);
  if (unpackedUrls.size > 500) {
    const [oldest, address_] = unpackedUrls.entries().next().value;
    URL.revokeObjectURL(address_);
    unpackedUrls.delete(oldest);
  }
  return made;
}
