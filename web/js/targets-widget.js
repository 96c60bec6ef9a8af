// Where events go beside the pages, and how that goes; for admins. Owns its element.

import { api } from './api.js';
import { element, notice, show } from './dom.js';
import { targetActs, targetStatus } from './targets-model.js';

export class TargetsWidget {
  #root;
  #message = element('div');
  #list = element('div');

  constructor(root) {
    this.#root = root;
  }

  async start() {
    show(this.#root, element('h2', {}, 'Webhooks, Discord, files'), this.#message, this.#list,
      element('button', { class: 'button', type: 'button', onclick: () => this.#load() }, 'Look again'));
    await this.#load();
  }

  async #load() {
    if (!this.#list.hasChildNodes()) show(this.#list, element('p', { class: 'placeholder' }, 'Looking…'));
    try {
      const targets = await api.targets();
      show(this.#list, targets.length === 0
        ? element('p', { class: 'placeholder' }, 'Nobody is told yet. ', element('code', {}, 'lineup target add --help'), ' says how.')
        : element('ul', { class: 'keys' }, targets.map((target) => this.#target(target))));
    } catch (error) {
      show(this.#list, notice('bad', error.message));
    }
  }

  #target(target) {
    const { word, tone, notes } = targetStatus(target, Date.now());
    return element('li', {},
      element('div', { class: 'key-head' }, element('span', { class: 'key-name' }, target.name),
        element('span', { class: `badge badge-${tone}` }, word)),
      element('p', { class: 'key-note' }, `${target.kind}, ${target.place}`),
      notes.map((note) => element('p', { class: 'key-note' }, note)),
      element('p', { class: 'actions' }, targetActs(target).map((act) => element('button',
        { class: 'button', type: 'button', 'aria-label': `${act.label}: ${target.name}`, onclick: (event) => this.#act(target, act, event.currentTarget) },
        act.label))));
  }

  async #act(target, act, button) {
    button.disabled = true;
    show(this.#message);
    try {
      const answer = await api.targetAct(target.id, act.name);
      if (act.name === 'test') show(this.#message, notice(answer.delivered ? 'good' : 'bad', `${target.name}: ${answer.outcome}`));
      await this.#load();
    } catch (error) {
      show(this.#message, notice('bad', error.message));
    }
    button.disabled = false;
  }
}
