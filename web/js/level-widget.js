// A level meter: how loud the server hears a DJ. Listens only while the page is visible, since the server decodes for it.

import { levelPosition, levelWord } from './desk-model.js';
import { element } from './dom.js';

/** Between two words read aloud. */
const WORD_MILLISECONDS = 3000;

export class LevelWidget {
  #address;
  #bar = element('div', { class: 'level-bar' });
  #peak = element('div', { class: 'level-peak' });
  #word = element('span', { class: 'level-word' }, '');
  #source = null;
  #isOn = false;
  #saidAt = 0;

  constructor(address) {
    this.#address = address;
    this.root = element('div', { class: 'level', hidden: true },
      element('div', { class: 'level-face', 'aria-hidden': 'true' }, this.#bar, this.#peak), this.#word);
    document.addEventListener('visibilitychange', () => this.#follow());
  }

  set isOn(wanted) {
    if (wanted === this.#isOn) return;
    this.#isOn = wanted;
    this.#follow();
  }

  #follow() {
    const wanted = this.#isOn && !document.hidden;
    if (!wanted) {
      this.#source?.close();
      this.#source = null;
      return;
    }
    if (this.#source) return;
    this.#source = new EventSource(this.#address);
    this.#source.addEventListener('level', (event) => this.#draw(JSON.parse(event.data)));
    this.#source.addEventListener('error', () => {
      // A server that has no meter answers once, and is not asked again until the page comes back.
      if (this.#source?.readyState === EventSource.CLOSED) this.root.hidden = true;
    });
  }

  #draw({ peak, rms }) {
    this.root.hidden = false;
    this.#bar.style.transform = `scaleX(${levelPosition(rms)})`;
    this.#peak.style.left = `${levelPosition(peak) * 100}%`;
    const now = performance.now();
    if (now - this.#saidAt < WORD_MILLISECONDS) return;
    this.#saidAt = now;
    const word = levelWord(peak);
    if (this.#word.textContent !== word) this.#word.textContent = word;
    this.root.dataset.loud = String(peak > -0.5);
  }
}
