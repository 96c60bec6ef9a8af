// A DJ's stream keys: makes one, shows it the one time it can be seen, lists, replaces and revokes. Owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { copyRow } from './copy-row.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';

export class KeysWidget {
  #root;
  #server;
  #fresh = element('div');
  #list = element('div');

  /** `server`: the public facts, for the address shown beside the key. */
  constructor(root, server) {
    this.#root = root;
    this.#server = server;
  }

  async start() {
    show(this.#root, element('h2', {}, 'Your stream key'), this.#fresh, this.#list);
    await this.#load();
  }

  async #load() {
    show(this.#list, element('p', { class: 'placeholder' }, 'Loading your keys…'));
    try {
      this.#draw(await api.keys());
    } catch (error) {
      show(this.#list, notice('bad', error.message),
        element('button', { class: 'button', type: 'button', onclick: () => this.#load() }, 'Try again'));
    }
  }

  #draw(keys) {
    const live = keys.filter((key) => !key.revokedAt);
    if (live.length === 0) {
      show(this.#list, element('p', {}, 'You have no stream key yet. It is your personal way onto the stage: whoever has it streams as you.'),
        this.#maker('Make my stream key'));
      return;
    }
    show(this.#list, element('ul', { class: 'keys' }, live.map((key) => this.#key(key))),
      element('details', {}, element('summary', {}, 'Another key, for a second computer'), this.#maker('Make another key')));
  }

  #maker(action) {
    return form({
      fields: [{ name: 'label', label: 'Name of the key', value: 'My encoder', hint: 'To tell your keys apart.', maxlength: 60, autocomplete: 'off' }],
      action,
      kind: action.includes('another') ? '' : 'button-main',
      submit: async ({ label }) => this.#issued(await api.createKey(label)),
    });
  }

  #key(key) {
    const used = key.lastUsedAt ? `Last used ${new Date(key.lastUsedAt).toLocaleString()}.` : 'Never used.';
    return element('li', {},
      element('div', { class: 'key-head' }, element('span', { class: 'key-name' }, key.label || 'Stream key')),
      element('p', { class: 'key-note' }, `Made ${new Date(key.createdAt).toLocaleDateString()}. ${used}`),
      element('div', { class: 'key-actions' },
        element('button', { class: 'button button-small', type: 'button', onclick: () => this.#rotate(key) }, 'Replace'),
        element('button', { class: 'button button-small button-danger', type: 'button', onclick: () => this.#revoke(key) }, 'Revoke')));
  }

  async #rotate(key) {
    const agreed = await confirmed({
      title: 'Replace this key?', action: 'Replace the key',
      text: `“${key.label || 'Stream key'}” stops working at once. If you are streaming with it, that stream ends.`,
    });
    if (agreed) await this.#act(async () => this.#issued(await api.rotateKey(key.id)));
  }

  async #revoke(key) {
    const agreed = await confirmed({
      title: 'Revoke this key?', action: 'Revoke the key',
      text: `“${key.label || 'Stream key'}” stops working for good. If you are streaming with it, that stream ends.`,
    });
    if (!agreed) return;
    await this.#act(async () => {
      await api.revokeKey(key.id);
      show(this.#fresh);
      await this.#load();
    });
  }

  async #act(work) {
    try {
      await work();
    } catch (error) {
      show(this.#fresh, notice('bad', error.message));
    }
  }

  async #issued(issued) {
    show(this.#fresh, element('div', { class: 'notice notice-good', role: 'status' },
      element('p', {}, element('b', {}, 'This is your new key. It is shown this once: '), 'copy it into your encoder now. If you lose it, replace it.'),
      copyRow('Server', this.#server.rtmp.url), copyRow('Stream key', issued.key)));
    await this.#load();
    this.#fresh.scrollIntoView({ block: 'nearest' });
  }
}
