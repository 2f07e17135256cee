// Saves what is shown: the view gives its scene and its numbers, this makes files of them.
import { notice } from './dom.js';
import { draw, toSvg } from './scene.js';

const MOST_ROWS = 2_000_000;

function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/-?[^\w.+-]+-?/g, '-');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Texts stay as they are, so that tokens and hashes can be joined with other files, even those that a spreadsheet would
// take for formulas; docs/attention.md says how to open such a file.
const cell = (value) => {
  const text = String(value ?? '');
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** kind: png, svg, csv. view: {name(), scene(), rows(): iterable of arrays}. */
export async function exportView(view, kind) {
  try {
    const name = `${view.name()}.${kind}`;
    if (kind === 'csv') {
      const lines = [];
      for (const row of view.rows()) {
        if (lines.length > MOST_ROWS) throw new Error('more than two million numbers are shown: show fewer heads');
        lines.push(row.map(cell).join(','));
      }
      save(new Blob([lines.join('\n') + '\n'], { type: 'text/csv' }), name);
    } else if (kind === 'svg') {
      save(new Blob([toSvg(view.scene())], { type: 'image/svg+xml' }), name);
    } else {
      const canvas = document.createElement('canvas');
      draw(canvas, view.scene(), 2);
      const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
      if (!blob) throw new Error('the picture is too large for this browser');
      save(blob, name);
    }
    notice(`Saved ${name}`);
  } catch (e) {
    notice(`Not saved: ${e.message}`, 'error');
  }
}
