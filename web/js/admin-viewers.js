// Who watches, and how the server is. Each owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { element } from './dom.js';
import { bytesText } from './log-model.js';
import { actButton, panel } from './panel.js';
import { span } from './queue-model.js';

export class ViewersPanel {
  #panel;
  #channel;

  constructor(root, channel) {
    this.#channel = channel;
    this.#panel = panel(root, 'Viewers', () => api.viewers(channel), (answer) => [
      element('p', {}, element('b', {}, answer.viewers.toLocaleString()), ` now${answer.estimate ? ' (some come through a cache: there may be more)' : ''}, at most ${answer.peak.toLocaleString()}.`),
      element('p', { class: 'queue-note' }, Object.entries(answer.byProtocol).filter(([, count]) => count > 0).map(([name, count]) => `${name}: ${count}`).join(' · ')),
      answer.sessions.length === 0 ? element('p', { class: 'placeholder' }, 'Nobody watches now.')
        : element('ul', { class: 'queue' }, answer.sessions.map((session) => this.#session(session))),
      actButton('Look again', 'Load the viewers again', () => this.#panel.reload()),
    ]);
  }

  open() { this.#panel.reload(); }

  #session(session) {
    const since = (Date.now() - Date.parse(session.openedAt)) / 1000;
    return element('li', { class: 'person-entry' },
      element('p', {}, element('b', {}, session.protocol), ` for ${span(since)}, ${bytesText(session.bytes)}, from ${session.address}`),
      session.agent && element('p', { class: 'queue-note' }, session.agent),
      element('div', { class: 'acts' }, actButton('Send away', `Send viewer ${session.id} away`, () => this.#kick(session), true)));
  }

  async #kick(session) {
    const agreed = await confirmed({ title: 'Send this viewer away?', action: 'Send away', text: 'Their connection ends, and their address is kept out for ten minutes.' });
    if (agreed) await this.#panel.act(() => api.kickViewer(this.#channel, session.id), 'They are out.');
  }
}

export class SystemPanel {
  #panel;

  constructor(root) {
    this.#panel = panel(root, 'System', () => Promise.all([api.readiness(), api.server()]), ([{ ready, checks }, server]) => [
      element('p', {}, element('span', { class: `badge badge-${ready ? 'good' : 'air'}` }, ready ? 'All is well' : 'Trouble')),
      element('ul', { class: 'queue' }, checks.map(({ name, ok, cause }) => element('li', { class: 'history-entry' },
        element('p', {}, element('span', { class: `badge badge-${ok ? 'good' : 'air'}` }, ok ? 'OK' : 'Not OK'), ` ${name}`),
        cause && element('p', { class: 'queue-note' }, cause)))),
      element('p', { class: 'queue-note' }, `DJs publish to ${server.rtmp.url}. Channels: ${server.channels.join(', ')}.`),
      actButton('Look again', 'Ask the server again', () => this.#panel.reload()),
    ]);
  }

  open() { this.#panel.reload(); }
}
