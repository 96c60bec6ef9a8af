// The forms of somebody who is not logged in.

import { api } from './api.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';

/**
 * `done(account)` is called after either form succeeded. `offerSignUp` is false where an account alone would not help.
 * `invitation` is the token of a link that was followed.
 */
export function signInForms(done, offerSignUp = true, invitation = null) {
  const logIn = element('section', { class: 'panel', 'aria-labelledby': 'login-title' });
  drawLogIn(logIn, done);
  if (!offerSignUp) return logIn;
  const signUp = element('section', { class: 'panel', 'aria-labelledby': 'signup-title' });
  drawSignUp(signUp, done, invitation);
  return element('div', { class: 'forms' }, logIn, signUp);
}

function drawLogIn(root, done) {
  show(root, element('h2', { id: 'login-title' }, 'Log in'),
    form({
      fields: [
        { name: 'email', label: 'E-mail', type: 'email', autocomplete: 'username' },
        { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
      ],
      action: 'Log in',
      submit: async (values) => {
        try {
          done(await api.logIn(values));
        } catch (error) {
          if (error.slug !== 'code-needed') throw error;
          drawCode(root, values, done);
        }
      },
    }),
    element('p', { class: 'field-hint' }, element('a', { href: '/account#forgot' }, 'Forgot your password?')));
}

/** The second step, for accounts with one-time codes. */
function drawCode(root, values, done) {
  show(root, element('h2', { id: 'login-title' }, 'One more step'),
    form({
      fields: [{ name: 'code', label: 'Code', hint: 'The six digits that your authenticator shows now.', inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: 7 }],
      action: 'Log in',
      submit: async ({ code }) => {
        try {
          done(await api.logIn({ ...values, code }));
        } catch (error) {
          if (error.slug !== 'wrong-credentials') throw error;
          throw Object.assign(new Error('This code does not fit, or was used before: wait for the next one.'), { field: 'code' });
        }
      },
    }),
    element('button', { class: 'button button-small', type: 'button', onclick: () => drawLogIn(root, done) }, 'Back'));
  root.querySelector('input').focus();
}

async function drawSignUp(root, done, invitation) {
  const title = element('h2', { id: 'signup-title' }, 'New here? Sign up');
  show(root, title, element('p', { class: 'placeholder' }, 'One moment…'));
  let facts;
  try {
    facts = await api.signUpFacts();
  } catch (error) {
    show(root, title, notice('bad', error.message),
      element('button', { class: 'button', type: 'button', onclick: () => drawSignUp(root, done, invitation) }, 'Try again'));
    return;
  }
  if (facts.mode === 'closed') {
    show(root, title, element('p', {}, 'Accounts are made by the admins here: ask one of them.'));
    return;
  }
  if (facts.mode === 'invite' && !invitation) {
    show(root, title, element('p', {}, 'Signing up takes an invitation: ask an admin for a link.'));
    return;
  }
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? '';
  show(root, title,
    facts.mode === 'approval' && !invitation && element('p', {}, 'Anybody may sign up. Before your first set an operator lets you through.'),
    form({
      fields: [
        { name: 'name', label: 'DJ name', hint: 'Shown to everybody in the queue.', autocomplete: 'nickname', maxlength: 40 },
        { name: 'email', label: 'E-mail', type: 'email', hint: 'For logging in; shown to nobody.', autocomplete: 'email' },
        { name: 'password', label: 'Password', type: 'password', hint: '8 characters or more; a few words in a row are good.', autocomplete: 'new-password' },
      ],
      action: 'Sign up',
      kind: '',
      submit: async (values) => done(await api.signUp({ ...values, timeZone, ...(invitation ? { invitation } : {}) })),
    }));
}

/** Who is logged in, with the way to the account and the way out. */
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
    element('p', { class: 'person-who' }, account.picture && element('img', { class: 'person-picture', src: account.picture, alt: '', width: 40, height: 40 }),
      element('span', {}, 'Logged in as ', element('b', {}, account.name), ` (${account.email})`)),
    element('p', { class: 'acts' }, element('a', { class: 'button button-small', href: '/account' }, 'Account'), button));
}
