// The two forms of somebody who is not logged in.

import { api } from './api.js';
import { element } from './dom.js';
import { form } from './form.js';

/** `done(account)` is called after either form succeeded. `offerSignUp` is false where an account alone would not help. */
export function signInForms(done, offerSignUp = true) {
  const logIn = element('section', { class: 'panel', 'aria-labelledby': 'login-title' },
    element('h2', { id: 'login-title' }, 'Log in'),
    form({
      fields: [
        { name: 'email', label: 'E-mail', type: 'email', autocomplete: 'username' },
        { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
      ],
      action: 'Log in',
      submit: async (values) => done(await api.logIn(values)),
    }));
  if (!offerSignUp) return logIn;
  const signUp = element('section', { class: 'panel', 'aria-labelledby': 'signup-title' },
    element('h2', { id: 'signup-title' }, 'New here? Sign up'),
    form({
      fields: [
        { name: 'name', label: 'DJ name', hint: 'Shown to everybody in the queue.', autocomplete: 'nickname', maxlength: 60 },
        { name: 'email', label: 'E-mail', type: 'email', hint: 'For logging in; shown to nobody.', autocomplete: 'email' },
        { name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password' },
      ],
      action: 'Sign up',
      kind: '',
      submit: async (values) => done(await api.signUp(values)),
    }));
  return element('div', { class: 'forms' }, logIn, signUp);
}

/** Who is logged in, with the way out. */
export function personBar(account, done) {
  const button = element('button', { class: 'button button-small', type: 'button' }, 'Log out');
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await api.logOut();
      done();
    } catch (error) {
      button.disabled = false;
      button.textContent = error.slug === 'unreachable' ? 'No connection; try again' : 'Log out';
    }
  });
  return element('div', { class: 'person' },
    element('p', {}, 'Logged in as ', element('b', {}, account.name), ` (${account.email})`), button);
}
