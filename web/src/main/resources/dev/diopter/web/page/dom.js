// Elements, made without ever reading a text as markup.

/** An element: el('button', {class: 'x', onclick: f, 'aria-label': 't'}, 'text', child, ...). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  append(element, children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  append(element, children);
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'disabled') element[name] = value;
    else if (name === 'style') Object.entries(value).forEach(([k, v]) => element.style.setProperty(k, v));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A message at the foot of the page: an error stays until closed, a note goes by itself. */
export function notice(text, kind = 'note') {
  const list = byId('notices');
  for (const old of list.children) if (old.dataset.text === text) return;
  const item = el('div', { class: `notice ${kind}`, 'data-text': text },
    el('span', {}, text),
    el('button', { class: 'quiet', 'aria-label': 'Dismiss', onclick: () => item.remove() }, '\u00d7'));
  list.append(item);
  while (list.children.length > 4) list.firstChild.remove();
  if (kind === 'note') setTimeout(() => item.remove(), 4000);
}

/** What a screen reader is told, politely. */
export function say(text) {
  const live = byId('spoken');
  if (live.textContent !== text) live.textContent = text;
}

/** A labelled choice. */
export function choice(label, options, value, onchange, attributes = {}) {
  const select = el('select', { onchange: () => onchange(select.value), ...attributes },
    options.map(([key, text]) => el('option', { value: key, selected: key === value }, text)));
  return el('label', { class: 'field' }, el('span', {}, label), select);
}

/** A labelled switch. */
export function toggle(label, on, onchange, attributes = {}) {
  const box = el('input', { type: 'checkbox', checked: on, onchange: () => onchange(box.checked), ...attributes });
  return el('label', { class: 'check' }, box, el('span', {}, label));
}
