/* Tries operations from the page about the API: sends what a form says and shows the answer.
   The token is kept in the memory of this page only; it is gone with the next page. */
"use strict";

(() => {
  let token = "";

  async function call(method, path, headers, body) {
    const sent = { ...headers };
    if (token) sent.Authorization = `Bearer ${token}`;
    if (body !== undefined) sent["Content-Type"] = "application/json";
    const answer = await fetch(path, { method, headers: sent, body, credentials: "omit" });
    return { answer, text: await answer.text() };
  }

  function pretty(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  function show(output, lines) {
    output.textContent = lines.join("\n");
    output.hidden = false;
  }

  async function signIn(event) {
    event.preventDefault();
    const form = event.target;
    const status = form.querySelector("output");
    const given = form.elements.token.value.trim();
    if (given) {
      token = given;
    } else {
      const fields = { username: form.elements.username.value, password: form.elements.password.value };
      token = "";
      const { answer, text } = await call("POST", "/api/v1/auth/login", {}, JSON.stringify(fields));
      const body = JSON.parse(text);
      if (!answer.ok) {
        show(status, [`${body.detail} ${body.advice}`]);
        return;
      }
      token = body.access_token;
    }
    form.elements.password.value = "";
    form.elements.token.value = "";
    show(status, ["A token is kept until you leave this page."]);
  }

  async function send(event) {
    event.preventDefault();
    const form = event.target;
    const output = form.querySelector("output");
    const query = new URLSearchParams();
    const headers = {};
    let path = form.dataset.path;
    let body;
    for (const field of form.querySelectorAll("[data-in]")) {
      const value = field.value.trim();
      if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(value));
      else if (value === "") continue;
      else if (field.dataset.in === "query") query.set(field.name, value);
      else if (field.dataset.in === "header") headers[field.name] = value;
      else body = value;
    }
    const address = query.size ? `${path}?${query}` : path;
    show(output, [`${form.dataset.method} ${address} …`]);
    try {
      const { answer, text } = await call(form.dataset.method, address, headers, body);
      const told = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
      show(output, [`${answer.status} ${answer.statusText}`, ...told, "", pretty(text)]);
    } catch (error) {
      show(output, [`No answer: ${error.message}`]);
    }
  }

  document.getElementById("sign-in").addEventListener("submit", signIn);
  for (const form of document.querySelectorAll(".try form")) form.addEventListener("submit", send);
})();
