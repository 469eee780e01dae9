// Solves the challenge of a sign-up, then posts it: counters are tried until a derived key begins as it should.
"use strict";

const AT_ONCE = 8;

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function derive({nonce, salt, cost, keyLength}, counter) {
  const password = new Uint8Array(nonce.length / 2 + 4);
  password.set(bytes(nonce));
  new DataView(password.buffer).setUint32(nonce.length / 2, counter);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const way = {name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost};
  return {counter, derivedKey: hex(await crypto.subtle.deriveBits(way, key, keyLength * 8))};
}

async function solve(parameters) {
  for (let start = 0; ; start += AT_ONCE) {
    const tries = Array.from({length: AT_ONCE}, (_, index) => derive(parameters, start + index));
    const found = (await Promise.all(tries)).find(({derivedKey}) => derivedKey.startsWith(parameters.keyPrefix));
    if (found) return found;
  }
}

async function goOn(form) {
  const challenge = JSON.parse(form.dataset.challenge);
  form.querySelector("[data-state]").hidden = false;
  document.querySelector("[data-without]").hidden = true;
  const solution = await solve(challenge.parameters);
  form.elements.proof.value = btoa(JSON.stringify({challenge, solution}));
  form.submit();
}

if (globalThis.crypto?.subtle) goOn(document.querySelector("form[data-challenge]"));
