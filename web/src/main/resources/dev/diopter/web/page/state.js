// What is shown, as one plain object that the address holds: a link restores the whole view.

const DEFAULTS = {
  view: 'grid', // grid, head, compare, table
  models: '*', // names, as lists.js writes them
  prompts: '*', // hashes, the same way
  filter: '', // of the prompt list
  figure: '', // a saved figure function; empty for the exact pattern
  arrange: 'prompt', // prompt: layers x heads of each prompt; head: all prompts of each head
  size: 88, // of a cell of the grid, CSS pixels
  at: '', // model|prompt|layer|head of the single view; the compare view's first
  against: '', // the compare view's second
  q: -1, // the query that is looked at
  k: -1, // the key
  lock: false,
  look: 'from', // from: what the query attends to; to: who attends to the key
  zoom: '', // first query, first key, size
  scale: 'linear', // linear, sqrt, log, row
  first: true, // whether the first key's column is shown
  palette: 'ink', // ink, viridis, grey
  sort: 'layer', // column of the head table
  down: false,
  theme: '', // light, dark, or empty for the system's
  text: '', // the live prompt
  bos: true,
  ablate: '', // L0H1,L2H3
};

const listeners = new Set();
export const state = { ...DEFAULTS, heads: {} };

/** Called with the names of what changed. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Changes some of it, tells everybody, and puts it into the address. */
export function change(values) {
  const changed = new Set();
  for (const [name, value] of Object.entries(values)) {
    if (JSON.stringify(state[name]) !== JSON.stringify(value)) {
      state[name] = value;
      changed.add(name);
    }
  }
  if (changed.size === 0) return;
  write();
  listeners.forEach((listener) => listener(changed));
}

// Half of what the browsers keep of an address.
const MOST = 500_000;
const LACKS = 'lacks'; // in an address: what was too long for it

/** The address's part behind #: only what is not as usual. What is too long for an address is left out whole and named. */
export function toHash() {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(DEFAULTS)) {
    if (state[name] !== value) parameters.set(name, String(state[name]));
  }
  for (const [model, heads] of Object.entries(state.heads)) {
    if (heads) parameters.set(`heads-${model}`, heads);
  }
  const lacks = [];
  while (parameters.toString().length > MOST) {
    const longest = [...parameters].reduce((a, b) => (b[1].length > a[1].length ? b : a))[0];
    parameters.delete(longest);
    lacks.push(longest);
  }
  if (lacks.length) parameters.set(LACKS, lacks.join(','));
  return { hash: parameters.toString(), lacks };
}

/** Reads the address. Unknown names and values of the wrong kind are passed over; tell takes a line on what is lost of the view. */
export function fromHash(hash, tell = () => {}) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const read = { ...DEFAULTS, heads: {} };
  const lost = parameters.get(LACKS)?.slice(0, 300).split(',') ?? [];
  for (const [name, value] of parameters) {
    if (value.length > MOST) {
      lost.push(name.slice(0, 300));
    } else if (name.startsWith('heads-')) {
      read.heads[name.slice(6)] = value;
    } else if (Object.hasOwn(DEFAULTS, name)) {
      const kind = typeof DEFAULTS[name];
      if (kind === 'boolean') read[name] = value === 'true';
      else if (kind === 'number') read[name] = Number.isFinite(Number(value)) ? Math.trunc(Number(value)) : DEFAULTS[name];
      else read[name] = value;
    }
  }
  if (lost.length) tell(`The address does not hold all of the view: too long for it was ${lost.join(', ')}`);
  const oneOf = (name, values) => {
    if (!values.includes(read[name])) read[name] = DEFAULTS[name];
  };
  oneOf('view', ['grid', 'head', 'compare', 'table']);
  oneOf('arrange', ['prompt', 'head']);
  oneOf('look', ['from', 'to']);
  oneOf('scale', ['linear', 'sqrt', 'log', 'row']);
  oneOf('palette', ['ink', 'viridis', 'grey']);
  oneOf('theme', ['', 'light', 'dark']);
  read.size = Math.min(240, Math.max(24, read.size));
  return read;
}

let timer = 0;

function write() {
  // Browsers count writes; a moving pointer would make too many.
  clearTimeout(timer);
  timer = setTimeout(writeNow, 120);
}

/** Puts the state into the address at once. What is too long for it comes back, by name. */
export function writeNow() {
  clearTimeout(timer);
  const { hash, lacks } = toHash();
  if (hash !== location.hash.replace(/^#/, '')) {
    history.replaceState(null, '', hash ? `#${hash}` : location.pathname + location.search);
  }
  return lacks;
}

/** A head's place as text, for the address. */
export const placeKey = (p) => [p.model, p.prompt, p.layer, p.head].join('|');

/** The other way; null where it is none. */
export function parsePlace(text) {
  const parts = text.split('|');
  if (parts.length !== 4) return null;
  const [model, prompt, layer, head] = parts;
  return /^\d+$/.test(layer) && /^\d+$/.test(head) ? { model, prompt, layer: Number(layer), head: Number(head) } : null;
}
