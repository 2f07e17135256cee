// The saved folder: models, prompts, figure functions. What is malformed is left out, and said once.
import { notice } from './dom.js';
import { decodeTokens } from './tokens.js';

/** What the server told the page; on a static host there is no live model. */
export const facts = readFacts();

function readFacts() {
  try {
    const read = JSON.parse(document.querySelector('meta[name="diopter"]').content);
    return {
      live: read.live ?? null, models: read.models !== false, figures: typeof read.figures === 'string' ? read.figures : null,
      heads: Array.isArray(read.heads) ? read.heads : [],
    };
  } catch {
    return { live: null, models: true, figures: null, heads: [] };
  }
}

/** Models by name: {name, layers, heads, width, bos, prompts: Map hash -> prompt}. */
export const models = new Map();

/** Saved figure functions: [{name, format, doc}]. */
export const figures = [];

const plain = (name) => typeof name === 'string' && name.length > 0 && name.length < 300 && name !== '.' && name !== '..' && !/[/\\\u0000-\u001f]/.test(name);
const count = (n) => Number.isInteger(n) && n > 0 && n <= 4096;

/** An address below the folder of saved patterns, of names that stand for themselves. */
export const address = (...names) => names.map(encodeURIComponent).join('/');

async function lines(url) {
  let response;
  try {
    response = await fetch(url);
  } catch (e) {
    notice(`${url}: cannot be read: ${e.message}`, 'error');
    return [];
  }
  if (!response.ok) {
    notice(`${url}: the server answers ${response.status}. Is this a folder that \u201cdiopter patterns\u201d wrote?`, 'error');
    return [];
  }
  const rows = [];
  let bad = 0;
  for (const line of (await response.text()).split('\n')) {
    if (!line.trim()) continue;
    try {
      const row = JSON.parse(line);
      if (row && typeof row === 'object') rows.push(row);
      else bad++;
    } catch {
      bad++;
    }
  }
  if (bad) notice(`${url}: ${bad} ${bad === 1 ? 'line is' : 'lines are'} not JSON and left out`, 'error');
  return rows;
}

function addModel(row) {
  const name = plain(row.sanitized_name) ? row.sanitized_name : row.model_name;
  if (!plain(name) || !count(row.n_layers) || !count(row.n_heads)) {
    notice(`models.jsonl: a line without model_name, n_layers or n_heads is left out`, 'error');
    return;
  }
  models.set(name, {
    name, layers: row.n_layers, heads: row.n_heads, width: row.d_model ?? null,
    bos: row.default_prepend_bos !== false, live: false, prompts: new Map(),
  });
}

function addPrompt(model, row) {
  if (!plain(row.hash) || typeof row.text !== 'string') return false;
  const tokens = Array.isArray(row.tokens) ? row.tokens : [];
  const set = row.meta && typeof row.meta === 'object' ? row.meta.pile_set_name : '';
  model.prompts.set(row.hash, {
    hash: row.hash, text: row.text, texts: decodeTokens(tokens),
    count: Number.isInteger(row.n_tokens) ? row.n_tokens : tokens.length,
    set: typeof set === 'string' ? set : '',
  });
  return true;
}

/** Reads everything. */
export async function load() {
  const [rows, functions] = await Promise.all([
    facts.models ? lines('models.jsonl') : [], facts.figures ? lines(facts.figures) : [],
  ]);
  if (!facts.models && !facts.live) notice('No models.jsonl is here. Is this a folder that \u201cdiopter patterns\u201d wrote?', 'error');
  rows.forEach(addModel);
  for (const row of functions) {
    if (plain(row.name)) figures.push({ name: row.name, format: /^(png|svg|svgz)$/.test(row.figure_save_fmt) ? row.figure_save_fmt : 'png', doc: String(row.doc ?? '') });
  }
  await Promise.all([...models.values()].filter((m) => !m.live).map(async (model) => {
    let bad = 0;
    for (const row of await lines(address(model.name, 'prompts.jsonl'))) bad += addPrompt(model, row) ? 0 : 1;
    if (bad) notice(`${model.name}/prompts.jsonl: ${bad} without text or hash left out`, 'error');
  }));
}

/** The live model's place in the same map; its prompts come and go. No folder can have a slash in its name. */
export const LIVE = '/live';

export function addLive(live) {
  models.set(LIVE, {
    name: LIVE, title: `${live.model_name} (live)`, layers: live.n_layers, heads: live.n_heads,
    width: null, bos: live.bos, live: true, prompts: new Map(),
  });
}

/** All prompts of the chosen models, once each: {hash, text, count, set, models: [name]}. */
export function allPrompts() {
  const merged = new Map();
  for (const model of models.values()) {
    if (model.live) continue;
    for (const prompt of model.prompts.values()) {
      const known = merged.get(prompt.hash);
      if (known) known.models.push(model.name);
      else merged.set(prompt.hash, { ...prompt, models: [model.name] });
    }
  }
  return [...merged.values()];
}

export const titleOf = (name) => models.get(name)?.title ?? name;
export const promptOf = (place) => models.get(place.model)?.prompts.get(place.prompt) ?? null;
