// Colours of values. Each palette goes from little to much in lightness alone, so none depends on telling hues apart.

// matplotlib's viridis (CC0), 256 colours.
const VIRIDIS =
  '44015444025544035745055845065a45085b46095c460b5e460c5f460e61470f62471163471265471466471567471669' +
  '47186a48196b481a6c481c6e481d6f481e70482071482172482273482374472575472676472777472878472a79472b7a' +
  '472c7b462d7c462f7c46307d46317e45327f45347f453580453681443781443982433a83433b83433c84423d84423e85' +
  '4240854141864142864043874044873f45873f47883e48883e49893d4a893d4b893d4c893c4d8a3c4e8a3b508a3b518a' +
  '3a528b3a538b39548b39558b38568b38578c37588c37598c365a8c365b8c355c8c355d8c345e8d345f8d33608d33618d' +
  '32628d32638d31648d31658d31668d30678d30688d2f698d2f6a8d2e6b8e2e6c8e2e6d8e2d6e8e2d6f8e2c708e2c718e' +
  '2c728e2b738e2b748e2a758e2a768e2a778e29788e29798e287a8e287a8e287b8e277c8e277d8e277e8e267f8e26808e' +
  '26818e25828e25838d24848d24858d24868d23878d23888d23898d22898d228a8d228b8d218c8d218d8c218e8c208f8c' +
  '20908c20918c1f928c1f938b1f948b1f958b1f968b1e978a1e988a1e998a1e998a1e9a891e9b891e9c891e9d881e9e88' +
  '1e9f881ea0871fa1871fa2861fa38620a48520a58521a68521a78422a78423a88323a98224aa8225ab8126ac8127ad80' +
  '28ae7f29af7f2ab07e2bb17d2cb17d2eb27c2fb37b30b47a32b57a33b67935b77836b87738b97639b9763bba753dbb74' +
  '3ebc7340bd7242be7144be7045bf6f47c06e49c16d4bc26c4dc26b4fc36951c46853c56755c66657c66559c7645bc862' +
  '5ec96160c96062ca5f64cb5d67cc5c69cc5b6bcd596dce5870ce5672cf5574d05477d05279d1517cd24f7ed24e81d34c' +
  '83d34b86d44988d5478bd5468dd64490d64392d74195d73f97d83e9ad83c9dd93a9fd938a2da37a5da35a7db33aadb32' +
  'addc30afdc2eb2dd2cb5dd2bb7dd29bade27bdde26bfdf24c2df22c5df21c7e01fcae01ecde01dcfe11cd2e11bd4e11a' +
  'd7e219dae218dce218dfe318e1e318e4e318e7e419e9e419ece41aeee51bf1e51cf3e51ef6e61ff8e621fae622fde724' +
  '';

const viridis = new Uint8Array(VIRIDIS.match(/../g).map((h) => parseInt(h, 16)));

/** A table of 256 colours through some stops, mixed in linear light. */
function ramp(stops) {
  const linear = (c) => (c / 255) ** 2.2;
  const table = new Uint8Array(768);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1);
    const a = Math.min(stops.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++) {
      const from = linear(stops[a][c]);
      table[3 * i + c] = Math.round(255 * (from + (linear(stops[a + 1][c]) - from) * (at - a)) ** (1 / 2.2));
    }
  }
  return table;
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const tables = {
  light: {
    ink: ramp(['#ffffff', '#cfdcf6', '#7fa3e3', '#3560b8', '#0b2466'].map(rgb)),
    grey: ramp(['#ffffff', '#000000'].map(rgb)),
    viridis,
    difference: ramp(['#7f3b08', '#d9822b', '#f6cf9c', '#ffffff', '#a9c8ea', '#3b76c4', '#0b2f6b'].map(rgb)),
  },
  dark: {
    ink: ramp(['#12161f', '#1f3563', '#3565bd', '#82aef5', '#f1f6ff'].map(rgb)),
    grey: ramp(['#0b0d12', '#ffffff'].map(rgb)),
    viridis,
    difference: ramp(['#ffc98f', '#e08a35', '#6b3e14', '#12161f', '#1d3c6b', '#4c8fe3', '#b9d6ff'].map(rgb)),
  },
};

export const isDark = () => document.documentElement.dataset.theme === 'dark';

/** The table of a palette under the present theme. */
export const palette = (name) => tables[isDark() ? 'dark' : 'light'][name];

/** A colour of a table for a value from 0 to 1, as CSS. */
export function css(table, value) {
  const i = 3 * Math.min(255, Math.max(0, Math.trunc(value * 256)));
  return `rgb(${table[i]},${table[i + 1]},${table[i + 2]})`;
}

/** Whether black reads better than white on it. */
export function wantsBlack(table, value) {
  const i = 3 * Math.min(255, Math.max(0, Math.trunc(value * 256)));
  return 0.299 * table[i] + 0.587 * table[i + 1] + 0.114 * table[i + 2] > 140;
}

const LOWEST = 1e-4; // what the log scale shows as nothing

/** From a weight to 0..1. */
export function scaled(value, scale, rowMost = 1) {
  if (scale === 'sqrt') return Math.sqrt(Math.max(0, value));
  if (scale === 'log') return value <= LOWEST ? 0 : 1 - Math.log(value) / Math.log(LOWEST);
  if (scale === 'row') return rowMost > 0 ? value / rowMost : 0;
  return value;
}

/**
 * A matrix as what is drawn: values 0..1 after the scale, NaN where nothing is drawn. Differences lie around 0.5.
 */
export function shades(matrix, { scale = 'linear', first = true, difference = 0 } = {}) {
  const { n, data } = matrix;
  const out = new Float32Array(n * n);
  for (let q = 0; q < n; q++) {
    let most = 0;
    if (scale === 'row') for (let k = first ? 0 : 1; k < n; k++) most = Math.max(most, data[q * n + k]);
    for (let k = 0; k < n; k++) {
      const x = data[q * n + k];
      const at = q * n + k;
      if ((k > q && x === 0) || (!first && k === 0)) out[at] = NaN;
      else if (difference > 0) {
        // With a scale, a difference keeps its sign and the scale takes its size.
        const size = scaled(Math.min(1, Math.abs(x) / difference), scale === 'row' ? 'linear' : scale);
        out[at] = 0.5 + 0.5 * Math.sign(x) * size;
      } else out[at] = scaled(x, scale, most);
    }
  }
  return out;
}

/** Draws shades [n, n] as n x n pixels, or smaller, each pixel then showing the strongest of its cells. */
export function paint(canvas, values, n, table, most = n, middle = 0) {
  const m = Math.min(n, most);
  const edges = Array.from({ length: m + 1 }, (_, i) => Math.floor((i * n) / m));
  canvas.width = m;
  canvas.height = m;
  const context = canvas.getContext('2d');
  const image = context.createImageData(m, m);
  for (let y = 0; y < m; y++) {
    for (let x = 0; x < m; x++) {
      let best = NaN;
      for (let q = edges[y]; q < edges[y + 1]; q++) {
        for (let k = edges[x]; k < edges[x + 1]; k++) {
          const v = values[q * n + k];
          if (Number.isNaN(best) || Math.abs(v - middle) > Math.abs(best - middle)) best = v;
        }
      }
      const at = 4 * (y * m + x);
      if (Number.isNaN(best)) continue;
      const i = 3 * Math.min(255, Math.max(0, Math.trunc(best * 256)));
      image.data[at] = table[i];
      image.data[at + 1] = table[i + 1];
      image.data[at + 2] = table[i + 2];
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}
