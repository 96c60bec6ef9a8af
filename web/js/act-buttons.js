// Buttons of an operator's acts, and the one place where an act is sent and its outcome told.

import { refusal } from './acts-model.js';
import { api } from './api.js';
import { confirmed } from './confirm.js';
import { element, focusAgain, notice, show } from './dom.js';

/** Sends acts and tells how they went, in the element it is given. */
export class ActSender {
  #channel;
  #message;
  #onQueue;

  /** `onQueue(view)` is called with the queue that an answer held. */
  constructor(channel, message, onQueue) {
    this.#channel = channel;
    this.#message = message;
    this.#onQueue = onQueue;
  }

  async send({ act, body, label, title, confirm }) {
    if (confirm && !await confirmed({ title: `${title}?`, action: label, text: confirm })) return;
    show(this.#message);
    try {
      this.#onQueue(await api.act(this.#channel, act, body));
    } catch (error) {
      const { text, queue } = refusal(error);
      if (queue) this.#onQueue(queue);
      show(this.#message, notice('bad', text));
    }
  }
}

/** A row of buttons. They keep their `data-act`, by which `drawSteadily` finds them in the next drawing. */
export function actButtons(acts, sender) {
  return element('p', { class: 'acts' }, acts.map((act) => {
    const button = element('button', {
      class: `button button-small${act.tone === 'danger' ? ' button-danger' : ''}`, type: 'button', 'data-act': act.key,
      title: act.title, 'aria-label': act.title.includes(act.label) ? act.title : `${act.label}: ${act.title}`,
      onclick: async () => {
        button.disabled = true;
        await sender.send(act);
        button.disabled = false;
        focusAgain(button);
      },
    }, act.label);
    return button;
  }));
}
