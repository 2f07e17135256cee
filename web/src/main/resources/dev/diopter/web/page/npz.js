// Reads .npz files (zip archives of numpy arrays) in pieces: the directory first, then the arrays that are asked for.
// Everything in them is checked before memory is taken.

const TAIL = 128 << 10;
const MOST_BYTES = 1 << 30;

/** Another file stands where one was being read. */
export class ReplacedError extends Error {
  constructor(url) {
    super(`${url}: was replaced while it was read`);
    this.name = 'ReplacedError';
  }
}

/** A file of which parts can be read, from a server that may or may not know ranges. */
class Remote {
  constructor(url) {
    this.url = url;
    this.whole = null;
    this.tail = null;
    this.size = 0;
    this.tag = null;
  }

  async open(signal) {
    const response = await fetch(this.url, { headers: { Range: `bytes=-${TAIL}` }, signal });
    if (!response.ok) throw new Error(`${this.url}: the server answers ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '');
    if (response.status === 206 && range && Number(range[1]) > 0) {
      this.size = Number(range[3]);
      this.tail = bytes;
      // Only a strong tag says that the bytes are the same.
      this.tag = /^"/.test(response.headers.get('ETag') ?? '') ? response.headers.get('ETag') : null;
    } else {
      this.whole = bytes;
      this.size = bytes.length;
    }
  }

  async read(start, end, signal) {
    if (start < 0 || end > this.size || start > end) throw new Error(`${this.url}: the archive's directory points outside of it`);
    if (this.whole) return this.whole.subarray(start, end);
    const from = this.size - this.tail.length;
    if (start >= from) return this.tail.subarray(start - from, end - from);
    const headers = { Range: `bytes=${start}-${end - 1}`, ...(this.tag ? { 'If-Range': this.tag } : {}) };
    const response = await fetch(this.url, { headers, signal });
    if (response.status === 416) throw new ReplacedError(this.url); // It has become shorter.
    if (!response.ok) throw new Error(`${this.url}: the server answers ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const total = response.status === 206 ? Number(/\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1] ?? this.size) : bytes.length;
    if (total !== this.size || (this.tag && response.headers.get('ETag') !== this.tag)) throw new ReplacedError(this.url);
    if (response.status === 206) {
      if (bytes.length !== end - start) throw new Error(`${this.url}: the server sent ${bytes.length} bytes of ${end - start}`);
      return bytes;
    }
    this.whole = bytes;
    return this.read(start, end, signal);
  }
}

const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function directory(url, tail, from) {
  const v = view(tail);
  let end = tail.length - 22;
  while (end >= 0 && v.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new Error(`${url}: expected an .npz file, found no zip archive`);
  let count = v.getUint16(end + 10, true);
  let size = v.getUint32(end + 12, true);
  let start = v.getUint32(end + 16, true);
  if (end >= 20 && v.getUint32(end - 20, true) === 0x07064b50) {
    const at = Number(v.getBigUint64(end - 12, true)) - from;
    if (at >= 0 && at + 56 <= tail.length && v.getUint32(at, true) === 0x06064b50) {
      count = Number(v.getBigUint64(at + 32, true));
      size = Number(v.getBigUint64(at + 40, true));
      start = Number(v.getBigUint64(at + 48, true));
    }
  }
  return { count, start, size };
}

function entries(url, bytes, count) {
  const v = view(bytes);
  const found = new Map();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || v.getUint32(at, true) !== 0x02014b50) throw new Error(`${url}: the archive's directory is damaged`);
    const entry = {
      method: v.getUint16(at + 10, true),
      packed: v.getUint32(at + 20, true),
      size: v.getUint32(at + 24, true),
      offset: v.getUint32(at + 42, true),
    };
    const name = v.getUint16(at + 28, true);
    const extra = v.getUint16(at + 30, true);
    const comment = v.getUint16(at + 32, true);
    zip64(v, at + 46 + name, extra, entry);
    const text = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name));
    if (text.endsWith('.npy')) found.set(text.slice(0, -4), entry);
    at += 46 + name + extra + comment;
  }
  return found;
}

/** Sizes over 4 GB stand in an extra field, in this order, each only where its place says so. */
function zip64(v, start, length, entry) {
  let at = start;
  while (at + 4 <= Math.min(start + length, v.byteLength)) {
    const size = v.getUint16(at + 2, true);
    if (v.getUint16(at, true) === 1) {
      let p = at + 4;
      for (const name of ['size', 'packed', 'offset']) {
        if (entry[name] === 0xffffffff && p + 8 <= v.byteLength) {
          entry[name] = Number(v.getBigUint64(p, true));
          p += 8;
        }
      }
    }
    at += 4 + size;
  }
}

async function inflate(bytes, most) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const out = new Uint8Array(most);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (length + value.length > most) throw new Error('more data than its directory declares');
    out.set(value, length);
    length += value.length;
  }
  return length === most ? out : out.subarray(0, length);
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A numpy array of floats: {shape, data: Float32Array}. */
export function parseNpy(bytes, what) {
  const wrong = (found) => new Error(`${what}: expected a numpy array of floats, found ${found}`);
  if (bytes.length < 12 || bytes[0] !== 0x93 || new TextDecoder().decode(bytes.subarray(1, 6)) !== 'NUMPY') throw wrong('something else');
  const v = view(bytes);
  const long = bytes[6] > 1;
  const length = long ? v.getUint32(8, true) : v.getUint16(8, true);
  const start = (long ? 12 : 10) + length;
  if (start > bytes.length || length > 65536) throw wrong('a damaged header');
  const header = new TextDecoder('latin1').decode(bytes.subarray(long ? 12 : 10, start));
  const type = /'descr':\s*'([<|=]?f[248])'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1].split(',').map((s) => s.trim()).filter(Boolean).map(Number);
  if (!type || !shape) throw wrong(header.slice(0, 80));
  if (/'fortran_order':\s*True/.test(header)) throw wrong('columns first');
  const unit = Number(type.at(-1));
  const count = shape.reduce((a, b) => a * b, 1);
  if (start + count * unit !== bytes.length) throw wrong(`${bytes.length - start} bytes for ${shape.join(' x ')}`);
  const body = bytes.slice(start).buffer;
  if (unit === 4) return { shape, data: new Float32Array(body) };
  if (unit === 8) return { shape, data: Float32Array.from(new Float64Array(body)) };
  return { shape, data: Float32Array.from(new Uint16Array(body), half) };
}

/** An open archive. */
export class Npz {
  constructor(remote, found) {
    this.remote = remote;
    this.entries = found;
  }

  static async open(url, signal) {
    const remote = new Remote(url);
    await remote.open(signal);
    const tail = remote.whole ?? remote.tail;
    const { count, start, size } = directory(url, tail, remote.size - tail.length);
    if (size > 64 << 20) throw new Error(`${url}: the archive's directory is too large`);
    return new Npz(remote, entries(url, await remote.read(start, start + size, signal), count));
  }

  async read(name, signal) {
    const entry = this.entries.get(name);
    const what = `${this.remote.url}: ${name}`;
    if (!entry) throw new Error(`${what}: no such array`);
    if (entry.size > MOST_BYTES || entry.size > (entry.packed + 1) * 1032) throw new Error(`${what}: declares ${entry.size} bytes`);
    // The local header's own lengths differ from the directory's: read it with room, then exactly.
    const head = view(await this.remote.read(entry.offset, entry.offset + 30, signal));
    if (head.getUint32(0, true) !== 0x04034b50) throw new Error(`${what}: its header is damaged`);
    const start = entry.offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
    const packed = await this.remote.read(start, start + entry.packed, signal);
    let bytes;
    try {
      bytes = entry.method === 0 ? packed : entry.method === 8 ? await inflate(packed, entry.size) : null;
    } catch (e) {
      throw new Error(`${what}: damaged data (${e.message})`);
    }
    if (!bytes) throw new Error(`${what}: compressed in a way (${entry.method}) that is not known here`);
    return parseNpy(bytes, what);
  }
}
