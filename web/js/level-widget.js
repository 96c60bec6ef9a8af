// A level meter: how loud the server hears a DJ, a bar for each channel. Listens only while it can be seen, since the server decodes
// for it. Owns the element it makes.

import { channelNames, levelPosition, levelText, levelWord } from './desk-model.js';
import { element, show } from './dom.js';
import { whenSeen } from './seen.js';

/** Between two words read aloud. */
const WORD_MILLISECONDS = 3000;
/** Without a level for so long nothing arrives. */
const SILENT_MILLISECONDS = 2500;
/** A server that has no place for one more meter is asked again. */
const RETRY_MILLISECONDS = 20000;

export class LevelWidget {
  #address;
  #face = element('div', { class: 'level-face' });
  #word = element('span', { class: 'level-word' }, '');
  #bars = [];
  #source = null;
  #isOn = false;
  #isSeen = false;
  #saidAt = 0;
  #retry = null;
  #silence = null;

  constructor(address) {
    this.#address = address;
    this.#face.hidden = true;
    this.root = element('div', { class: 'level' }, this.#face, this.#word);
    whenSeen(this.root, (isSeen) => {
      this.#isSeen = isSeen;
      this.#follow();
    });
  }

  set isOn(wanted) {
    if (wanted === this.#isOn) return;
    this.#isOn = wanted;
    this.#follow();
  }

  #follow() {
    clearTimeout(this.#retry);
    if (!this.#isOn || !this.#isSeen) {
      this.#source?.close();
      this.#source = null;
      clearTimeout(this.#silence);
      if (!this.#isOn) this.#hide();
      return;
    }
    if (this.#source) return;
    this.#source = new EventSource(this.#address);
    this.#source.addEventListener('level', (event) => this.#draw(JSON.parse(event.data)));
    this.#source.addEventListener('error', () => {
      if (this.#source?.readyState !== EventSource.CLOSED) return;
      // An answer that is no stream: nothing arrives just now, or too many meters are open.
      this.#source = null;
      this.#hide();
      this.#retry = setTimeout(() => this.#follow(), RETRY_MILLISECONDS);
    });
  }

  #hide() {
    this.#face.hidden = true;
    this.#say('');
  }

  #say(word) {
    if (this.#word.textContent !== word) this.#word.textContent = word;
  }

  #draw({ peak, channels }) {
    this.#face.hidden = false;
    this.#make(channels.length);
    channels.forEach((channel, index) => {
      const { meter, bar, mark } = this.#bars[index];
      bar.style.transform = `scaleX(${levelPosition(channel.rms)})`;
      mark.style.left = `${levelPosition(channel.peak) * 100}%`;
      meter.setAttribute('aria-valuenow', String(Math.round(Math.max(-60, Math.min(0, channel.peak)))));
      meter.setAttribute('aria-valuetext', levelText(channel.peak));
    });
    this.root.dataset.loud = String(peak > -0.5);
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#hide(), SILENT_MILLISECONDS);
    const now = performance.now();
    if (now - this.#saidAt < WORD_MILLISECONDS) return;
    this.#saidAt = now;
    this.#say(levelWord(peak, channels));
  }

  #make(count) {
    if (this.#bars.length === count) return;
    const names = channelNames(count);
    this.#bars = names.map((name) => {
      const bar = element('div', { class: 'level-bar' });
      const mark = element('div', { class: 'level-peak' });
      const meter = element('div', { class: 'level-channel', role: 'meter', 'aria-label': `Level, ${name}`, 'aria-valuemin': '-60', 'aria-valuemax': '0' }, bar, mark);
      return { meter, bar, mark };
    });
    show(this.#face, this.#bars.map(({ meter }) => meter));
  }
}
