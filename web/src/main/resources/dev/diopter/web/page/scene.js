// A picture as a list of shapes, drawn on the screen and exported from the same list: what is saved is what is shown.
import { svg } from './dom.js';

/** A picture of some size in CSS pixels. */
export class Scene {
  constructor(width, height, background) {
    this.width = width;
    this.height = height;
    this.shapes = [];
    this.rect(0, 0, width, height, { fill: background });
  }

  rect(x, y, w, h, { fill = 'none', stroke = null, line = 1 } = {}) {
    this.shapes.push({ kind: 'rect', x, y, w, h, fill, stroke, line });
  }

  /** Text; align: start, middle, end. turn: degrees around its start. */
  text(x, y, text, { size = 12, fill, align = 'start', mono = false, bold = false, turn = 0 } = {}) {
    this.shapes.push({ kind: 'text', x, y, text, size, fill, align, mono, bold, turn });
  }

  /**
   * A part of a matrix of colours: source {values, n, table, canvas, middle}, first query and key, number of cells.
   */
  matrix(x, y, w, h, source, q0 = 0, k0 = 0, cells = source.n) {
    this.shapes.push({ kind: 'matrix', x, y, w, h, source, q0, k0, cells });
  }

  /** A picture that is loaded. */
  image(x, y, w, h, image) {
    this.shapes.push({ kind: 'image', x, y, w, h, image });
  }
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const MONO = 'ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const font = (s) => `${s.bold ? '600 ' : ''}${s.size}px ${s.mono ? MONO : FONT}`;

/** Draws onto a canvas, with as many pixels as the screen has, or a factor of one's own. */
export function draw(canvas, scene, factor = window.devicePixelRatio || 1) {
  canvas.width = Math.round(scene.width * factor);
  canvas.height = Math.round(scene.height * factor);
  canvas.style.width = `${scene.width}px`;
  canvas.style.height = `${scene.height}px`;
  const c = canvas.getContext('2d');
  c.setTransform(factor, 0, 0, factor, 0, 0);
  c.imageSmoothingEnabled = false;
  for (const s of scene.shapes) {
    if (s.kind === 'rect') {
      if (s.fill !== 'none') {
        c.fillStyle = s.fill;
        c.fillRect(s.x, s.y, s.w, s.h);
      }
      if (s.stroke) {
        c.strokeStyle = s.stroke;
        c.lineWidth = s.line;
        c.strokeRect(s.x, s.y, s.w, s.h);
      }
    } else if (s.kind === 'text') {
      c.save();
      c.translate(s.x, s.y);
      c.rotate((s.turn * Math.PI) / 180);
      c.font = font(s);
      c.fillStyle = s.fill;
      c.textAlign = s.align === 'middle' ? 'center' : s.align;
      c.textBaseline = 'middle';
      c.fillText(s.text, 0, 0);
      c.restore();
    } else if (s.kind === 'image') {
      c.drawImage(s.image, s.x, s.y, s.w, s.h);
    } else {
      const f = s.source.canvas.width / s.source.n;
      c.drawImage(s.source.canvas, s.k0 * f, s.q0 * f, s.cells * f, s.cells * f, s.x, s.y, s.w, s.h);
    }
  }
}

const MOST_CELLS = 160 * 160;
const round = (x) => Math.round(x * 1000) / 1000;

/** As an SVG text: cells as shapes where they are few enough to be worth it, else as a picture. */
export function toSvg(scene) {
  const root = svg('svg', { xmlns: 'http://www.w3.org/2000/svg', width: scene.width, height: scene.height, viewBox: `0 0 ${scene.width} ${scene.height}` });
  for (const s of scene.shapes) {
    if (s.kind === 'rect') {
      root.append(svg('rect', { x: round(s.x), y: round(s.y), width: round(s.w), height: round(s.h), fill: s.fill, ...(s.stroke ? { stroke: s.stroke, 'stroke-width': s.line } : {}) }));
    } else if (s.kind === 'text') {
      root.append(svg('text', {
        x: round(s.x), y: round(s.y), fill: s.fill, 'font-size': s.size, 'font-family': s.mono ? MONO : FONT,
        'text-anchor': s.align, 'dominant-baseline': 'central', ...(s.bold ? { 'font-weight': 600 } : {}),
        ...(s.turn ? { transform: `rotate(${s.turn} ${round(s.x)} ${round(s.y)})` } : {}), 'xml:space': 'preserve',
      }, s.text));
    } else if (s.kind === 'image') {
      const canvas = document.createElement('canvas');
      canvas.width = s.image.naturalWidth || s.w;
      canvas.height = s.image.naturalHeight || s.h;
      canvas.getContext('2d').drawImage(s.image, 0, 0, canvas.width, canvas.height);
      root.append(picture(canvas, s));
    } else if (s.cells * s.cells <= MOST_CELLS) {
      root.append(cells(s));
    } else {
      const canvas = document.createElement('canvas');
      const f = s.source.canvas.width / s.source.n;
      canvas.width = canvas.height = Math.round(s.cells * f);
      canvas.getContext('2d').drawImage(s.source.canvas, s.k0 * f, s.q0 * f, s.cells * f, s.cells * f, 0, 0, canvas.width, canvas.height);
      root.append(picture(canvas, s));
    }
  }
  return new XMLSerializer().serializeToString(root);
}

function picture(canvas, s) {
  return svg('image', { x: round(s.x), y: round(s.y), width: round(s.w), height: round(s.h), href: canvas.toDataURL('image/png'), 'image-rendering': 'pixelated', preserveAspectRatio: 'none' });
}

/** Neighbours of one colour in a row become one shape. */
function cells(s) {
  const { values, n, table } = s.source;
  const group = svg('g', { 'shape-rendering': 'crispEdges' });
  const w = s.w / s.cells;
  const h = s.h / s.cells;
  const shade = (q, k) => {
    const v = values[q * n + k];
    return k >= n || q >= n || Number.isNaN(v) ? -1 : Math.min(255, Math.max(0, Math.trunc(v * 256)));
  };
  for (let q = 0; q < s.cells; q++) {
    for (let k = 0; k < s.cells; ) {
      const colour = shade(s.q0 + q, s.k0 + k);
      let end = k + 1;
      while (end < s.cells && shade(s.q0 + q, s.k0 + end) === colour) end++;
      if (colour >= 0) {
        const hex = [0, 1, 2].map((c) => table[3 * colour + c].toString(16).padStart(2, '0')).join('');
        group.append(svg('rect', { x: round(s.x + k * w), y: round(s.y + q * h), width: round((end - k) * w), height: round(h), fill: `#${hex}` }));
      }
      k = end;
    }
  }
  return group;
}
