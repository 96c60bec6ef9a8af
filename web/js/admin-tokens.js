// Bearer tokens for machines. Owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { copyRow } from './copy-row.js';
import { element } from './dom.js';
import { form } from './form.js';
import { actButton, panel } from './panel.js';
import { ROLES } from './people-model.js';

export class TokensPanel {
  #panel;

  constructor(root) {
    this.#panel = panel(root, 'Tokens for machines', () => api.tokens(), (tokens) => {
      const inForce = tokens.filter((token) => !token.revokedAt);
      return [
        element('p', {}, 'A program sends one as ', element('code', {}, 'Authorization: Bearer …'), ' and may do what its role may.'),
        inForce.length === 0 ? element('p', { class: 'placeholder' }, 'There is none.')
          : element('ul', { class: 'queue' }, inForce.map((token) => this.#token(token))),
        element('details', {}, element('summary', {}, 'Make a token'), this.#maker()),
      ];
    });
  }

  open() { this.#panel.reload(); }

  #token(token) {
    return element('li', { class: 'person-entry' },
      element('p', { class: 'key-head' }, element('span', { class: 'queue-name' }, token.name), element('span', { class: 'badge badge-dim' }, token.role)),
      element('p', { class: 'queue-note' }, token.lastUsedAt ? `Last used ${new Date(token.lastUsedAt).toLocaleString()}.` : 'Never used.'),
      element('div', { class: 'acts' }, actButton('Revoke', `Revoke ${token.name}`, () => this.#revoke(token), true)));
  }

  async #revoke({ id, name }) {
    const agreed = await confirmed({ title: `Revoke ${name}?`, action: 'Revoke', text: 'Programs that use it are refused from now on.' });
    if (agreed) await this.#panel.act(() => api.revokeToken(id), `${name} is revoked.`);
  }

  #maker() {
    return form({
      fields: [
        { name: 'name', label: 'Name', maxlength: 60, autocomplete: 'off' },
        { name: 'role', label: 'Role', choices: Object.fromEntries(ROLES.map((role) => [role, role])), value: 'operator' },
      ],
      action: 'Make a token',
      submit: async (values) => {
        const made = await api.createToken(values);
        await this.#panel.act(async () => made, ({ token }) => element('div', { class: 'notice notice-good', role: 'status' },
          element('p', {}, 'This is the token. It is shown this once.'), copyRow('Token', token)));
      },
    });
  }
}
