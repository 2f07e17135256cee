// Patterns by layer, from saved files or from the live model: asked for when seen, a few at a time, the latest kept.
import { LIVE, address, promptOf, titleOf } from './data.js';
import { headName } from './heads.js';
import { Npz, ReplacedError } from './npz.js';
import { labels } from './tokens.js';

const MOST_BYTES = 384 << 20;
const MOST_AT_ONCE = 6;
const layers = new Map(); // key -> {promise, value, bytes}
const archives = new Map();
const waiting = [];
let running = 0;
let kept = 0;

function next() {
  while (running < MOST_AT_ONCE && waiting.length) {
    // The latest first: it is what is on the screen now.
    const { work, done, failed } = waiting.pop();
    running++;
    work().then(done, failed).finally(() => {
      running--;
      next();
    });
  }
}

const queued = (work) => new Promise((done, failed) => {
  waiting.push({ work, done, failed });
  next();
});

/** An archive's arrays are read one after another, so its directory is fetched once. */
function archive(url) {
  let found = archives.get(url);
  if (!found) {
    found = Npz.open(url);
    archives.set(url, found);
    found.catch(() => archives.delete(url));
    if (archives.size > 64) archives.delete(archives.keys().next().value);
  }
  return found;
}

let renew = null;

/** Called with a live prompt and its run that the server has dropped for later ones; gives the number of a new one. */
export function whenDropped(listener) {
  renew = listener;
}

async function fetchLive(place, prompt) {
  const get = (run) => fetch(`api/patterns/${run}/${place.layer}`);
  const { run } = prompt;
  let response = await get(run);
  // Asked for once more: where that is dropped as soon, others run more than the server keeps.
  if (response.status === 404 && renew) response = await get(await renew(place.prompt, prompt, run));
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error ?? `the server answers ${response.status}`);
  const data = new Float32Array(await response.arrayBuffer());
  const n = prompt.texts.length;
  return { heads: data.length / (n * n), n, data };
}

async function fetchSaved(place) {
  const url = address(place.model, 'prompts', place.prompt, 'activations.npz');
  const read = async () => (await archive(url)).read(`blocks.${place.layer}.attn.hook_pattern`);
  const { shape, data } = await read().catch((e) => {
    if (!(e instanceof ReplacedError)) throw e;
    // Once more from its beginning; layers of the file before are of no use beside the new one's.
    archives.delete(url);
    dropLayers(place);
    return read();
  });
  const [, heads, n, m] = shape.length === 4 ? shape : [1, ...shape];
  if (n !== m || heads * n * n !== data.length) throw new Error(`${url}: expected [1, heads, n, n], found [${shape.join(', ')}]`);
  return { heads, n, data };
}

const keyOf = (place) => {
  const live = place.model === LIVE ? promptOf(place)?.id : '';
  return JSON.stringify([place.model, place.prompt, live, place.layer]);
};

/** The layer of a place: {heads, n, data [head, query, key]}. */
export function layerOf(place) {
  const key = keyOf(place);
  let entry = layers.get(key);
  if (entry) {
    layers.delete(key); // The latest used stands last.
    layers.set(key, entry);
    return entry.promise;
  }
  entry = { value: null, bytes: 0 };
  const prompt = promptOf(place);
  entry.promise = queued(async () => {
    if (!prompt) throw new Error('this prompt is not here');
    return place.model === LIVE ? fetchLive(place, prompt) : fetchSaved(place);
  });
  layers.set(key, entry);
  entry.promise.then((value) => {
    entry.value = value;
    entry.bytes = value.data.byteLength;
    kept += entry.bytes;
    forget(key);
  }, () => layers.delete(key));
  return entry.promise;
}

function dropLayers({ model, prompt }) {
  for (const [key, entry] of layers) {
    const [m, p] = JSON.parse(key);
    if (m !== model || p !== prompt || !entry.value) continue;
    layers.delete(key);
    kept -= entry.bytes;
  }
}

function forget(newest) {
  for (const [key, entry] of layers) {
    if (kept <= MOST_BYTES) return;
    if (key === newest || !entry.value) continue;
    layers.delete(key);
    kept -= entry.bytes;
  }
}

/** What is wrong with the numbers of a head; empty where they all are numbers. Looked for once. */
export function faultOf(layer, head) {
  layer.faults ??= [];
  return (layer.faults[head] ??= findFault(layer, head));
}

function findFault({ n, data }, head) {
  const start = head * n * n;
  for (let i = 0; i < n * n; i++) {
    const value = data[start + i];
    if (!Number.isFinite(value)) return `expected finite weights, found ${value} at query ${Math.floor(i / n)}, key ${i % n}`;
  }
  return '';
}

function matrixIn(place, layer) {
  if (place.head >= layer.heads) throw new Error(`head ${place.head} of ${layer.heads} is not in the file`);
  const fault = faultOf(layer, place.head);
  if (fault) {
    const what = `${titleOf(place.model)}, prompt ${place.prompt}, ${headName(place.layer, place.head)}`;
    throw new Error(`${what}: ${fault}${place.model === LIVE ? '' : '; record the prompt again with \u201cpatterns activations --force\u201d'}`);
  }
  const size = layer.n * layer.n;
  return {
    n: layer.n,
    data: layer.data.subarray(place.head * size, (place.head + 1) * size),
    tokens: labels(promptOf(place)?.texts ?? [], layer.n),
  };
}

/** One head's pattern: {n, data [query, key], tokens}. */
export const matrixOf = async (place) => matrixIn(place, await layerOf(place));

/** The same where it is at hand; null where it must be fetched or cannot be shown. */
export function matrixNow(place) {
  const value = layers.get(keyOf(place))?.value;
  return value && place.head < value.heads && !faultOf(value, place.head) ? matrixIn(place, value) : null;
}

/** Drops what nobody has waited for yet: the reader has scrolled on. */
export function cancelWaiting() {
  for (const { failed } of waiting.splice(0)) failed(new DOMException('scrolled on', 'AbortError'));
}
