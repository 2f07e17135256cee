// The list of keys.
import { el } from './dom.js';

const KEYS = [
  ['Everywhere', [['1 2 3 4', 'grid, head, compare, table'], ['/', 'filter prompts'], ['d', 'light or dark'], ['?', 'this list']]],
  ['Grid', [['arrows', 'move between patterns'], ['Enter', 'open'], ['Shift click', 'compare with the open one']]],
  ['Head and compare', [['arrows', 'move query and key; with Shift by ten'], ['Enter', 'lock or unlock'], ['Esc', 'clear'], ['+ - 0', 'zoom in, out, all; Ctrl wheel too']]],
  ['Head', [['h l', 'head before, after'], ['k j', 'layer before, after'], ['p n', 'prompt before, after'], ['x', 'ablate or restore this head, live']]],
];

export function showHelp() {
  if (document.querySelector('dialog')) return;
  const dialog = el('dialog', { 'aria-label': 'Keys' },
    el('h2', {}, 'Keys'),
    KEYS.map(([title, keys]) => el('section', {}, el('h3', {}, title), el('dl', {}, keys.map(([key, what]) => [el('dt', {}, key.split(' ').map((k) => [el('kbd', {}, k), ' '])), el('dd', {}, what)])))),
    el('form', { method: 'dialog' }, el('button', { class: 'main', autofocus: true }, 'Close')));
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (e) => e.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
