// What a DJ sends, for operators: a still, the health in a word, and on demand the level and all figures.

import { api } from './api.js';
import { healthWords } from './desk-model.js';
import { element, show } from './dom.js';
import { HealthWidget } from './health-widget.js';
import { LevelWidget } from './level-widget.js';
import { StillWidget } from './still-widget.js';

class Preview {
  #still;
  #health = element('span');
  #drawn = null;

  constructor(channel, entry) {
    this.id = entry.id;
    this.#still = new StillWidget(channel, entry.id, entry.name);
    const health = new HealthWidget(() => api.entryHealth(channel, entry.id), 'This server does not measure streams.');
    const level = new LevelWidget(`/api/v1/channels/${encodeURIComponent(channel)}/entries/${entry.id}/level`);
    this.more = element('details', { class: 'preview-more' }, element('summary', {}, 'Stream ', this.#health), level.root, health.root);
    // Measured and decoded only for who looks.
    this.more.addEventListener('toggle', () => { health.isOn = level.isOn = this.more.open; });
    this.off = () => { this.#still.isOn = health.isOn = level.isOn = false; };
    this.root = element('div', { class: 'preview' }, this.#still.root, this.more);
  }

  update(entry) {
    this.#still.isOn = entry.connected;
    const words = healthWords(entry.health);
    const key = words?.word ?? '';
    if (key === this.#drawn) return;
    this.#drawn = key;
    show(this.#health, words && element('span', { class: `badge badge-${words.tone}` }, words.word));
  }
}

/** The previews of those who wait: kept over drawings, so that an open one stays open and a picture does not flicker. */
export class Previews {
  #channel;
  #made = new Map();

  constructor(channel) {
    this.#channel = channel;
  }

  of(entry) {
    let preview = this.#made.get(entry.id);
    if (!preview) {
      preview = new Preview(this.#channel, entry);
      this.#made.set(entry.id, preview);
    }
    preview.update(entry);
    return preview;
  }

  /** Lets go of those who are not among `entries` any more. */
  keep(entries) {
    for (const [id, preview] of this.#made) {
      if (entries.some((entry) => entry.id === id)) continue;
      preview.off();
      this.#made.delete(id);
    }
  }
}

/** The preview of whoever is on air, or nothing. */
export class PreviewSlot {
  #previews;
  #id = null;
  root = element('div');

  constructor(channel) {
    this.#previews = new Previews(channel);
  }

  render(entry) {
    this.#previews.keep(entry ? [entry] : []);
    if (entry) this.#previews.of(entry);
    if ((entry?.id ?? null) === this.#id) return;
    this.#id = entry?.id ?? null;
    show(this.root, entry && this.#previews.of(entry).root);
  }
}
