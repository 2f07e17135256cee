// Puts the page together.
import { figures, load } from './data.js';
import { byId, choice, el, fill, notice, toggle } from './dom.js';
import { CompareView } from './compare.js';
import { exportView } from './export.js';
import { GridView } from './grid.js';
import { HeadView } from './head.js';
import { showHelp } from './help.js';
import { Live } from './live.js';
import { Sidebar, notHere } from './sidebar.js';
import { change, fromHash, onChange, state, writeNow } from './state.js';
import { TableView } from './table.js';

const VIEWS = { grid: GridView, head: HeadView, compare: CompareView, table: TableView };
const views = {};

function theme() {
  const dark = state.theme ? state.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  byId('theme').setAttribute('aria-label', dark ? 'Light colours' : 'Dark colours');
  byId('theme').textContent = dark ? '\u2600' : '\u263e';
}

function tools() {
  const set = (name) => (value) => change({ [name]: value });
  const inGrid = state.view === 'grid';
  const drawn = !(inGrid && state.figure);
  fill(byId('tools'),
    inGrid && figures.length > 0 && choice('Figure', [['', 'exact'], ...figures.map((f) => [f.name, f.name])], state.figure, set('figure')),
    inGrid && choice('Arrange', [['prompt', 'by prompt'], ['head', 'by head']], state.arrange, set('arrange')),
    drawn && state.view !== 'table' && choice('Scale', [['linear', 'linear'], ['sqrt', 'square root'], ['log', 'logarithm'], ['row', 'by row']], state.scale, set('scale')),
    drawn && choice('Colours', [['ink', 'ink'], ['viridis', 'viridis'], ['grey', 'grey']], state.palette, set('palette')),
    drawn && state.view !== 'table' && toggle('First key', state.first, set('first'), { title: 'Show the column of the first position, where most heads rest' }),
    inGrid && sizeField(),
    el('span', { class: 'gap' }),
    el('div', { class: 'segments', role: 'group', 'aria-label': 'Save what is shown' },
      ['png', 'svg', 'csv'].map((kind) => el('button', { 'data-export': kind, title: `Save what is shown as ${kind.toUpperCase()}`, onclick: () => exportView(current(), kind) }, kind.toUpperCase()))),
  );
}

function sizeField() {
  const slider = el('input', { type: 'range', min: 24, max: 240, step: 8, value: state.size, oninput: () => change({ size: Number(slider.value) }) });
  slider.value = state.size;
  return el('label', { class: 'field' }, el('span', {}, 'Size'), slider);
}

/** The view as what the exports ask of it: for the grid and the table rows have a name of their own. */
function current() {
  const view = views[state.view];
  return { name: () => view.name(), scene: () => view.scene(), rows: () => (view.csvRows ? view.csvRows() : view.rows()) };
}

async function copyLink() {
  const lacks = writeNow();
  if (lacks.length) {
    notice(`No link holds this view: too long for an address is ${lacks.join(', ')}. Choose fewer.`, 'error');
    return;
  }
  try {
    await navigator.clipboard.writeText(location.href);
    notice('Link copied');
  } catch {
    notice('The link is in the address bar');
  }
}

function show(changed) {
  for (const [name, button] of Object.entries(tabs)) {
    button.setAttribute('aria-selected', String(name === state.view));
    byId(`view-${name}`).hidden = name !== state.view;
  }
  const redrawn = !changed || ['view', 'scale', 'palette', 'first', 'figure', 'arrange'].some((n) => changed.has(n));
  if (redrawn) keepFocus(tools);
  views[state.view] ??= new VIEWS[state.view](byId(`view-${state.view}`));
  // A view that was hidden has missed what changed.
  views[state.view].update(!changed || changed.has('view') || changed.has('theme') ? null : changed);
}

/** The tools are made anew; who stood on one of them still does. */
function keepFocus(work) {
  const label = document.activeElement?.closest?.('#tools label')?.textContent;
  work();
  if (label) [...byId('tools').querySelectorAll('label')].find((l) => l.textContent === label)?.querySelector('select, input')?.focus();
}

const tabs = {};

function keys(event) {
  const typing = event.target.closest('input:not([type=checkbox]):not([type=range]), textarea, select, dialog');
  if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
  const names = Object.keys(VIEWS);
  const view = names[Number(event.key) - 1];
  const onButton = event.target.closest('button, a, input') && (event.key === 'Enter' || event.key === ' ');
  if (onButton) return;
  if (view) change({ view });
  else if (event.key === '/') byId('filter').focus();
  else if (event.key === '?') showHelp();
  else if (event.key === 'd') byId('theme').click();
  else if (event.key === 'x' && state.view === 'head') live.toggleHead();
  else if (!views[state.view]?.key(event)) return;
  event.preventDefault();
}

function tellMissing() {
  const line = notHere();
  if (line) notice(line, 'error');
}

let live;
let sidebar;

async function start() {
  byId('waiting').remove();
  Object.assign(state, fromHash(location.hash, (lost) => notice(lost, 'error')));
  theme();
  for (const name of Object.keys(VIEWS)) {
    tabs[name] = byId(`tab-${name}`);
    tabs[name].addEventListener('click', () => change({ view: name }));
  }
  byId('theme').addEventListener('click', () => change({ theme: document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark' }));
  byId('link').addEventListener('click', copyLink);
  byId('help').addEventListener('click', showHelp);
  byId('fold').addEventListener('click', () => {
    const open = document.body.classList.toggle('folded');
    byId('fold').setAttribute('aria-expanded', String(!open));
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    theme();
    show(null);
  });
  document.addEventListener('keydown', keys);
  live = new Live(byId('live'), () => {
    sidebar?.update(null);
    if (ready) show(null);
  });
  let ready = false;
  await load();
  sidebar = new Sidebar(byId('sidebar'));
  onChange((changed) => {
    if (changed.has('theme')) theme();
    sidebar.update(changed);
    live.update(changed);
    show(changed);
  });
  window.addEventListener('hashchange', () => {
    const read = fromHash(location.hash, (lost) => notice(lost, 'error'));
    change(read);
    tellMissing();
  });
  let resize = 0;
  window.addEventListener('resize', () => {
    clearTimeout(resize);
    resize = setTimeout(() => state.view !== 'grid' && show(null), 100);
  });
  ready = true;
  sidebar.update(null);
  show(null);
  live.update(null);
  tellMissing();
  document.body.dataset.ready = 'true';
}

start().catch((e) => notice(`The page cannot start: ${e.message}`, 'error'));
