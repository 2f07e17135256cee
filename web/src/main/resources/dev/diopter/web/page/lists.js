// Choices out of known names as text, for the address: * for all, - for none, a,b for these, !a,b for all but these.

const write = (name) => (name === '-' ? '%2d' : name.replace(/[%,!*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`));

function read(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

const names = (list) => list.replace(/^!/, '').split(',').map(read);

/** The chosen names, in the order of all. Names that are not there are passed over. */
export function chosen(list, all) {
  if (list === '*') return all;
  if (list === '-') return [];
  const named = new Set(names(list));
  const but = list.startsWith('!');
  return all.filter((name) => named.has(name) !== but);
}

/** The other way: the shorter of those that are chosen and those that are not. */
export function listOf(picked, all) {
  if (picked.length === all.length) return '*';
  if (!picked.length) return '-';
  const these = picked.map(write).join(',');
  const on = new Set(picked);
  const but = `!${all.filter((name) => !on.has(name)).map(write).join(',')}`;
  return but.length < these.length ? but : these;
}

/** How many of the names that a list chooses are not there. */
export function missing(list, all) {
  if (list === '*' || list === '-' || list.startsWith('!')) return 0;
  const there = new Set(all);
  return names(list).filter((name) => !there.has(name)).length;
}
