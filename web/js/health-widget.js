// A stream's health in words, what to change, and the figures. Owns the element it makes.

import { healthWords, measureRows } from './desk-model.js';
import { element, show } from './dom.js';

const EVERY_MILLISECONDS = 2000;

export class HealthWidget {
  #ask;
  #absent;
  #timer = null;
  #isOn = false;
  #drawn = null;
  #words = element('div', { role: 'status' });
  #figures = element('dl', { class: 'figures' });
  #details = element('details', { hidden: true }, element('summary', {}, 'Figures'), this.#figures);

  /** `ask()` answers `{ connected, status, issues, measures }`; `absent` is said where the server measures nothing. */
  constructor(ask, absent = '') {
    this.#ask = ask;
    this.#absent = absent;
    this.root = element('div', { class: 'health' }, this.#words, this.#details);
  }

  set isOn(wanted) {
    if (wanted === this.#isOn) return;
    this.#isOn = wanted;
    clearTimeout(this.#timer);
    if (wanted) this.#look();
    else this.#draw(null);
  }

  async #look() {
    let wait = EVERY_MILLISECONDS;
    if (!document.hidden) {
      try {
        const health = await this.#ask();
        if (this.#isOn) this.#draw(health.connected === false ? { status: 'noData' } : health);
      } catch (error) {
        // A server without this: what the queue tells is shown elsewhere. A server that is away: what is drawn stays.
        if (error.status === 404 && this.#isOn) this.#say(this.#absent);
        wait = error.status === 404 ? EVERY_MILLISECONDS * 15 : EVERY_MILLISECONDS * 2;
      }
    }
    if (this.#isOn) this.#timer = setTimeout(() => this.#look(), wait);
  }

  #say(text) {
    if (this.#drawn === text) return;
    this.#drawn = text;
    show(this.#words, text && element('p', { class: 'placeholder' }, text));
  }

  #draw(health) {
    const words = healthWords(health);
    // Read aloud when it changes, and only then.
    const key = JSON.stringify(words);
    if (key !== this.#drawn) {
      this.#drawn = key;
      show(this.#words, words && element('p', {}, element('span', { class: `badge badge-${words.tone}` }, words.word), ' ', words.sentence),
        words && words.advice.length > 0 && element('ul', { class: 'advice' },
          words.advice.map(({ text, severity }) => element('li', { class: `advice-${severity}` }, text))));
    }
    const rows = measureRows(health?.measures);
    this.#details.hidden = rows.length === 0;
    if (this.#details.open || this.#figures.childElementCount === 0) {
      show(this.#figures, rows.map(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]).flat());
    }
  }
}
