// Token strings as they are saved, as a person reads them.

const BYTE_OF = new Map();
{
  let next = 0x100;
  for (let b = 0; b < 256; b++) {
    const printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    BYTE_OF.set(String.fromCharCode(printable ? b : next++), b);
  }
}
const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** GPT-2's byte alphabet as text; where the bytes are a part of a character, as they are. */
function fromBytes(token) {
  const bytes = [];
  for (const c of token) {
    if (!BYTE_OF.has(c)) return token;
    bytes.push(BYTE_OF.get(c));
  }
  try {
    return STRICT.decode(new Uint8Array(bytes));
  } catch {
    return token;
  }
}

/** The texts of a saved prompt's tokens, by the alphabet that they use. */
export function decodeTokens(tokens) {
  const all = tokens.map((t) => String(t));
  if (all.some((t) => /[\u0120\u010a]/.test(t))) return all.map(fromBytes);
  if (all.some((t) => t.includes('\u2581'))) return all.map((t) => t.replaceAll('\u2581', ' '));
  return all;
}

/** A token on one line: blanks and line ends can be seen. */
export function visible(token) {
  return token
    .replaceAll('\n', '\u21b5')
    .replaceAll('\t', '\u21e5')
    .replaceAll(' ', '\u2423')
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g,
      (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** A prompt's text on one line: line ends can be seen, blanks stay blanks unless there is nothing else. */
export function line(text) {
  if (text === '') return '(empty prompt)';
  return text.trim() ? visible(text).replaceAll('\u2423', ' ') : visible(text);
}

/** Cut to a number of characters. */
export function shorten(text, most) {
  const characters = [...text];
  return characters.length <= most ? text : characters.slice(0, most - 1).join('') + '\u2026';
}

/** As many labels as positions: what a model puts in front has no token in the file. */
export function labels(texts, count) {
  const extra = count - texts.length;
  if (extra < 0) return texts.slice(0, count);
  const front = Array.from({ length: extra }, (_, i) => (extra === 1 ? '[BOS]' : `[${i}]`));
  return [...front, ...texts];
}
