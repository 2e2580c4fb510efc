// Passkeys on the door's pages: gives the options in the page to the browser, and its answer to the form.
// Asks the server for nothing by itself. Without it every page works as before, with codes.
"use strict";
(() => {
  const opened = Date.now();
  const able = window.isSecureContext && "PublicKeyCredential" in window && "credentials" in navigator;
  const framed = window.self !== window.top;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const toCreate = (json) => {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) {
      return PublicKeyCredential.parseCreationOptionsFromJSON(json);
    }
    const excluded = json.excludeCredentials.map((one) => ({ ...one, id: bytes(one.id) }));
    const user = { ...json.user, id: bytes(json.user.id) };
    return { ...json, user, challenge: bytes(json.challenge), excludeCredentials: excluded };
  };

  const toGet = (json) =>
    PublicKeyCredential.parseRequestOptionsFromJSON
      ? PublicKeyCredential.parseRequestOptionsFromJSON(json)
      : { ...json, challenge: bytes(json.challenge), allowCredentials: [] };

  const asJSON = (credential) => {
    if (credential.toJSON) {
      return credential.toJSON();
    }
    const given = credential.response;
    const response = { clientDataJSON: text(given.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (given[name]) {
        response[name] = text(given[name]);
      }
    }
    if (given.getTransports) {
      response.transports = given.getTransports();
    }
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
  };

  const explained = (error, creating) => {
    if (error.name === "InvalidStateError" && creating) {
      return "This device holds a passkey for your account already.";
    }
    if (error.name === "NotAllowedError" || error.name === "AbortError") {
      return creating
        ? "No passkey was made: it was cancelled, or took too long. You can try again."
        : "No passkey was used: it was cancelled, took too long, or this device has none for this app. You can try again, or use a code.";
    }
    if (error.name === "SecurityError") {
      return "This browser takes no passkeys at this address.";
    }
    return `This browser could not do it (${error.name}). You can try again.`;
  };

  const prepare = (part) => {
    const form = part.closest("form");
    const answer = part.querySelector("input[name=passkey]");
    const button = part.querySelector("button");
    const problem = part.querySelector("[role=alert]");
    const creating = part.dataset.passkey === "create";
    const code = creating ? null : form.elements.namedItem("code");
    const needed = code !== null && code.required;

    const say = (words) => {
      problem.textContent = words;
      problem.hidden = words === "";
    };

    const complete = () => {
      // With a passkey no code is needed; what else is, the browser says.
      if (needed) {
        code.required = false;
      }
      return form.reportValidity();
    };

    const ask = async () => {
      say("");
      if (Date.now() - opened > Number(part.dataset.seconds) * 1000) {
        say("This page has been open too long for a passkey. Please load it again.");
        return;
      }
      try {
        if (!complete()) {
          return;
        }
        button.disabled = true;
        const json = JSON.parse(part.dataset.options);
        const credential = creating
          ? await navigator.credentials.create({ publicKey: toCreate(json) })
          : await navigator.credentials.get({ publicKey: toGet(json) });
        answer.value = JSON.stringify(asJSON(credential));
        form.requestSubmit();
      } catch (error) {
        say(explained(error, creating));
      } finally {
        button.disabled = false;
        if (answer.value === "") {
          if (needed) {
            code.required = true;
          }
          if (!problem.hidden) {
            button.focus();
          }
        }
      }
    };

    if (button.type === "submit") {
      form.addEventListener("submit", (event) => {
        if (answer.value === "") {
          event.preventDefault();
          ask();
        }
      });
    } else {
      button.addEventListener("click", ask);
    }
    // A browser may bring a page back with an answer that was used already.
    const forget = () => {
      answer.value = "";
    };
    window.addEventListener("pageshow", (event) => event.persisted && forget());
    forget();
    part.hidden = false;
  };

  const show = (selector) => {
    for (const one of document.querySelectorAll(selector)) {
      one.hidden = false;
    }
  };

  if (framed) {
    show("[data-passkey-framed]");
  } else if (able) {
    document.querySelectorAll("[data-passkey]").forEach(prepare);
  } else {
    show("[data-passkey-none]");
  }
})();
