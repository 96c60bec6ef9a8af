// A DJ's own past turns, newest first. Owns the element it is given.

import { api } from './api.js';
import { endingSentence } from './desk-model.js';
import { element, notice, show } from './dom.js';
import { span } from './queue-model.js';

export class HistoryWidget {
  #root;
  #channel;
  #entries = [];
  #next = null;

  constructor(root, channel) {
    this.#root = root;
    this.#channel = channel;
  }

  /** Asks anew; after a turn ended, for example. Answers the newest past entry, or nothing. */
  async load() {
    if (this.#entries.length === 0) this.#show(element('p', { class: 'placeholder' }, 'Loading your turns…'));
    try {
      const page = await api.history(this.#channel);
      this.#entries = page.entries;
      this.#next = page.next;
      this.#draw();
    } catch (error) {
      this.#show(notice('bad', error.message), element('button', { class: 'button', type: 'button', onclick: () => this.load() }, 'Try again'));
    }
    return this.#entries[0];
  }

  async #more(button) {
    button.disabled = true;
    try {
      const page = await api.history(this.#channel, this.#next);
      this.#entries.push(...page.entries);
      this.#next = page.next;
    } catch (error) {
      this.#show(notice('bad', error.message));
      return;
    }
    this.#draw();
  }

  #draw() {
    if (this.#entries.length === 0) {
      this.#show(element('p', { class: 'placeholder' }, 'No turns yet. They are listed here after you have played.'));
      return;
    }
    this.#show(element('ul', { class: 'queue' }, this.#entries.map((entry) => element('li', { class: 'history-entry' },
      element('p', { class: 'queue-name' }, new Date(entry.onAirSince ?? entry.joinedAt).toLocaleString()),
      element('p', { class: 'queue-note' }, entry.onAirSince ? `${span(entry.onAirSeconds)} on air. ` : 'Not on air. ', endingSentence(entry.reason))))),
    this.#next && element('button', { class: 'button button-small', type: 'button', onclick: (event) => this.#more(event.target) }, 'Older ones'));
  }

  #show(...children) {
    show(this.#root, element('h2', {}, 'Your turns'), ...children);
  }
}
