// OBS instances that follow the programme: how each is, tests, pictures, what would be sent. Owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';
import { actButton, panel } from './panel.js';
import { PRESETS, presetChanges, studioStatus } from './studios-model.js';

const DRY_RUNS = { 'onair.started': 'a DJ goes on air', 'slate.started': 'nobody is on air' };

export class StudiosPanel {
  #panel;
  #mayChange;

  constructor(root, mayChange) {
    this.#mayChange = mayChange;
    this.#panel = panel(root, 'OBS', () => api.studios(), (studios) => [
      element('p', {}, 'OBS instances whose scenes, texts and sources follow the programme.'),
      studios.length === 0 ? element('p', { class: 'placeholder' }, 'No OBS is connected yet.')
        : element('ul', { class: 'queue' }, studios.map((studio) => this.#studio(studio))),
      mayChange && element('details', {}, element('summary', {}, 'Add an OBS'), this.#maker()),
    ]);
  }

  open() { this.#panel.reload(); }

  #studio(studio) {
    const { word, tone, notes } = studioStatus(studio);
    const place = element('div');
    return element('li', { class: 'person-entry' },
      element('p', { class: 'key-head' }, element('span', { class: 'queue-name' }, studio.name), element('span', { class: `badge badge-${tone}` }, word)),
      element('p', { class: 'queue-note' }, `${studio.host}:${studio.port}${studio.version ? ` · obs-websocket ${studio.version}` : ''}`),
      notes.map((note) => element('p', { class: 'queue-note' }, note)),
      element('div', { class: 'acts' },
        actButton('Test', `Test ${studio.name}`, () => this.#test(studio, place)),
        actButton('Picture', `Show what ${studio.name} shows`, () => this.#picture(studio, place)),
        Object.entries(DRY_RUNS).map(([kind, words]) => actButton(`Dry run: ${words}`, `What ${studio.name} is sent when ${words}`, () => this.#dryRun(studio, kind, place))),
        this.#mayChange && actButton(studio.enabled ? 'Switch off' : 'Switch on', `${studio.enabled ? 'Switch off' : 'Switch on'} ${studio.name}`,
          () => this.#panel.act(() => api.changeStudio(studio.id, { enabled: !studio.enabled }), studio.enabled ? 'It is left alone now.' : 'It follows again.')),
        this.#mayChange && !studio.fromEnvironment && actButton('Remove', `Remove ${studio.name}`, () => this.#remove(studio), true)),
      place,
      this.#mayChange && element('details', {}, element('summary', {}, 'Scenes and sources'), this.#presets(studio)));
  }

  async #test(studio, place) {
    await this.#shown(place, async () => {
      const { connected, outcome, scenes } = await api.testStudio(studio.id);
      return [notice(connected ? 'good' : 'bad', outcome), scenes.length > 0 && element('p', { class: 'queue-note' }, `Scenes: ${scenes.join(', ')}`)];
    });
  }

  #picture(studio, place) {
    const image = element('img', { alt: `What ${studio.name} shows`, src: `/api/v1/obs/${studio.id}/screenshot?at=${Date.now()}` });
    image.addEventListener('error', () => show(place, notice('bad', 'OBS gave no picture.')));
    show(place, element('div', { class: 'still' }, image));
  }

  async #dryRun(studio, kind, place) {
    await this.#shown(place, async () => {
      const batch = await api.dryRunStudio(studio.id, kind);
      return batch.requests.length === 0 ? element('p', { class: 'placeholder' }, 'Nothing would be sent.')
        : element('pre', { class: 'code', tabindex: '0' }, JSON.stringify(batch.requests, null, 2));
    });
  }

  async #shown(place, work) {
    try {
      show(place, await work());
    } catch (error) {
      show(place, notice('bad', error.message));
    }
  }

  async #remove(studio) {
    const agreed = await confirmed({ title: `Remove ${studio.name}?`, action: 'Remove', text: 'OBS stays as it is and follows no more.' });
    if (agreed) await this.#panel.act(() => api.removeStudio(studio.id), 'It is removed.');
  }

  #presets(studio) {
    return form({
      fields: Object.entries(PRESETS).map(([name, label]) => ({ name, label, value: studio.presets[name] ?? '', required: false, maxlength: 200, autocomplete: 'off' })),
      action: 'Save',
      submit: (values) => this.#panel.act(() => api.changeStudio(studio.id, { presets: presetChanges(values, studio.presets) }), 'Saved.'),
    });
  }

  #maker() {
    return form({
      fields: [
        { name: 'name', label: 'Name', maxlength: 40, autocomplete: 'off' },
        { name: 'host', label: 'Host', maxlength: 253, autocomplete: 'off', hint: 'Where OBS runs, without a port.' },
        { name: 'port', label: 'Port', inputmode: 'numeric', value: '4455', autocomplete: 'off' },
        { name: 'password', label: 'Password', type: 'password', required: false, autocomplete: 'new-password', hint: 'Of obs-websocket. Kept encrypted, and not shown again.' },
        ...['liveScene', 'slateScene', 'djText'].map((name) => ({ name, label: PRESETS[name], required: false, maxlength: 200, autocomplete: 'off' })),
      ],
      action: 'Add',
      submit: async ({ name, host, port, password, ...presets }) => {
        const made = await api.createStudio({ name, host, port: Number(port), ...(password && { password }), presets });
        await this.#panel.act(async () => made, 'It is added.');
      },
    });
  }
}
