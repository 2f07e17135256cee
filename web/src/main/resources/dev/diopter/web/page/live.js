// A prompt of the reader's own: patterns and next tokens at once, and what changes without some heads.
import { LIVE, addLive, facts, models } from './data.js';
import { el, fill } from './dom.js';
import { headName, parseHeads } from './heads.js';
import { whenDropped } from './patterns.js';
import { change, parsePlace, placeKey, state } from './state.js';
import { visible } from './tokens.js';

const PAUSE = 250;
const CLEAN = 'prompt';
const ABLATED = 'ablated';

async function post(body, signal) {
  const response = await fetch('api/run', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), signal });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `the server answers ${response.status}`);
  return answer;
}

export class Live {
  /** onrun is called when there are new patterns. */
  constructor(root, onrun) {
    this.root = root;
    this.onrun = onrun;
    if (!facts.live) return;
    root.hidden = false;
    addLive(facts.live);
    this.model = models.get(LIVE);
    this.renewals = new Map(); // hash -> {run that is gone, promise of the new one}
    whenDropped((hash, prompt, run) => this.renew(hash, prompt, run));
    this.input = el('textarea', { id: 'live-text', rows: 2, placeholder: 'Type a prompt\u2026', spellcheck: 'false', 'aria-label': 'Live prompt', maxlength: 16000, value: state.text, oninput: () => this.typed() });
    this.bos = el('input', { type: 'checkbox', checked: state.bos && facts.live.bos, disabled: !facts.live.bos, onchange: () => change({ bos: this.bos.checked }) });
    this.status = el('small', { role: 'status', id: 'live-status' });
    this.ablated = el('div', { class: 'chips', 'aria-label': 'Ablated heads' });
    this.table = el('table', { class: 'next', id: 'next-tokens' });
    this.ablate = el('button', { id: 'ablate', onclick: () => this.toggleHead() });
    fill(root, el('div', { class: 'ask' }, el('h2', {}, 'Live ', el('small', {}, facts.live.model_name)), this.input,
      el('div', { class: 'buttons' }, el('label', { class: 'check', title: 'The model\u2019s first token in front' }, this.bos, el('span', {}, 'BOS')), this.ablate, this.status), this.ablated),
    el('div', { class: 'nextbox' }, this.table));
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => change({ text: this.input.value }), PAUSE);
  }

  heads() {
    return state.ablate ? parseHeads(state.ablate, this.model.layers, this.model.heads) ?? [] : [];
  }

  /** The head that the single view shows goes, or comes back. */
  toggleHead(place = parsePlace(state.at)) {
    if (!facts.live || !place) return;
    const name = headName(Math.min(place.layer, this.model.layers - 1), Math.min(place.head, this.model.heads - 1));
    const names = this.heads().map(([l, h]) => headName(l, h));
    const next = names.includes(name) ? names.filter((n) => n !== name) : [...names, name];
    change({ ablate: next.join(',') });
  }

  update(changed) {
    if (!facts.live) return;
    if (!changed || changed.has('text')) if (document.activeElement !== this.input) this.input.value = state.text;
    this.bos.checked = state.bos && facts.live.bos;
    this.showChips();
    if (!changed || ['text', 'bos', 'ablate'].some((n) => changed.has(n))) this.run();
  }

  showChips() {
    const place = parsePlace(state.at);
    const names = this.heads().map(([l, h]) => headName(l, h));
    const current = place ? headName(place.layer, place.head) : 'L0H0';
    fill(this.ablate, names.includes(current) ? `Restore ${current}` : `Ablate ${current}`);
    this.ablate.disabled = !place;
    fill(this.ablated, names.length > 0 && 'Without', names.map((n) => el('button', { class: 'chip', 'aria-label': `Restore ${n}`, onclick: () => change({ ablate: names.filter((m) => m !== n).join(',') }) }, `${n} \u00d7`)),
      names.length > 0 && el('button', { class: 'link', onclick: () => change({ view: 'compare', at: this.same(CLEAN), against: this.same(ABLATED) }) }, 'compare with and without'));
  }

  same(prompt) {
    const place = parsePlace(state.at);
    return placeKey({ model: LIVE, prompt, layer: place?.layer ?? 0, head: place?.head ?? 0 });
  }

  async run() {
    this.abort?.abort();
    if (!state.text) {
      this.model.prompts.clear();
      fill(this.table);
      fill(this.status);
      this.onrun();
      return;
    }
    const abort = (this.abort = new AbortController());
    this.status.className = '';
    fill(this.status, 'running\u2026');
    const ask = { text: state.text, bos: state.bos && facts.live.bos };
    try {
      const start = performance.now();
      const key = JSON.stringify(ask);
      if (this.cleanKey !== key || !this.clean) {
        this.clean = await this.send(ask, [], abort.signal);
        this.cleanKey = key;
      }
      const heads = this.heads();
      const ablated = heads.length ? await this.send(ask, heads, abort.signal) : null;
      if (abort.signal.aborted) return;
      this.put(CLEAN, this.clean, state.text);
      if (ablated) this.put(ABLATED, ablated, `${state.text} (without ${state.ablate})`);
      else this.model.prompts.delete(ABLATED);
      this.showTop((ablated ?? this.clean).top, ablated !== null);
      fill(this.status, `${this.clean.n_tokens} tokens, ${Math.round(performance.now() - start)} ms`);
      this.follow(ablated !== null);
      this.onrun();
    } catch (e) {
      if (e.name === 'AbortError') return;
      this.status.className = 'error';
      fill(this.status, e.message);
    }
  }

  /** An answer, with what was asked for it. */
  async send(ask, ablate, signal) {
    const body = { ...ask, ablate };
    const answer = await post(body, signal);
    return { ...answer, body, id: answer.run };
  }

  put(hash, answer, title) {
    const { tokens: texts, n_tokens: count, id, run, body } = answer;
    this.model.prompts.set(hash, { hash, text: state.text, title, texts, count, set: 'live', id, run, body });
  }

  /** The server keeps the last few runs of all pages: asks again for one that is gone, once for all of its layers. */
  async renew(hash, prompt, gone) {
    let renewal = this.renewals.get(hash);
    if (renewal?.gone !== gone) {
      if (this.model.prompts.get(hash)?.run !== gone) throw new DOMException('another prompt is shown', 'AbortError');
      renewal = { gone, done: post(prompt.body) };
      this.renewals.set(hash, renewal);
      // The next that fails may ask again.
      renewal.done.catch(() => this.renewals.get(hash) === renewal && this.renewals.delete(hash));
    }
    const { run } = await renewal.done;
    for (const held of [prompt, this.model.prompts.get(hash), this.clean]) if (held?.run === gone) held.run = run;
    return run;
  }

  /** A view that shows nothing yet, or a live pattern that is gone, shows the live prompt. */
  follow(ablated) {
    const place = parsePlace(state.at);
    if (!place) change({ at: this.same(CLEAN) });
    else if (place.model === LIVE && place.prompt === ABLATED && !ablated) change({ at: this.same(CLEAN) });
  }

  showTop(top, ablated) {
    const most = Math.max(...top.map((t) => Math.max(t.probability, t.clean_probability)), 1e-9);
    const percent = (p) => `${(100 * p).toFixed(2)} %`;
    const first = top.find((t) => t.clean_rank === 1);
    const moved = (t) => (t.clean_rank === t.rank ? '' : t.clean_rank > t.rank ? `\u2191${t.clean_rank - t.rank}` : `\u2193${t.rank - t.clean_rank}`);
    fill(this.table, el('caption', {}, ablated ? 'Next token, and before the ablation' : 'Next token'),
      el('tbody', {}, top.slice(0, ablated ? 16 : 10).map((t) => el('tr', { 'data-id': t.id, ...(ablated && t === first ? { class: 'was-first', title: 'first before the ablation' } : {}) },
        el('td', { class: 'rank' }, t.rank), el('td', {}, el('code', {}, visible(t.token))),
        el('td', { class: 'wide' }, el('span', { class: 'bar' }, el('i', { style: { width: `${(100 * t.probability) / most}%` } }), ablated && el('b', { style: { left: `${(100 * t.clean_probability) / most}%` }, title: `before: ${percent(t.clean_probability)}` }))),
        el('td', { class: 'number' }, percent(t.probability)),
        ablated && el('td', { class: 'number faint' }, percent(t.clean_probability)), ablated && el('td', { class: `moved ${t.rank < t.clean_rank ? 'up' : 'down'}` }, moved(t))))));
  }
}
