// What pages gain with a script: keys, copying, running times, a log that follows. Nothing here is
// needed to read a page or to send a form.
(function () {
  "use strict";

  var JUMPS = { o: "/", i: "/inbox", s: "/stacks", p: "/operations", d: "/drift", c: "/catalogue", l: "/cloud-accounts", w: "/workers", a: "/audit", e: "/settings", n: "/stacks/new", h: "/help" };
  var JUMP_MILLISECONDS = 1200;
  var TOAST_MILLISECONDS = 5000;
  var waitingForJump = 0;

  function isTyping(target) {
    return target.closest("input, textarea, select, [contenteditable]") !== null;
  }

  function onKey(event) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") return openPalette(event);
    if (event.target.closest("#palette")) return moveInPalette(event);
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    var search = document.getElementById("search");
    var keys = document.getElementById("keys");
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "?" && keys) {
      event.preventDefault();
      if (keys.open) keys.close(); else keys.showModal();
    } else if (event.key === "g") {
      waitingForJump = Date.now();
    } else if (JUMPS[event.key] && Date.now() - waitingForJump < JUMP_MILLISECONDS) {
      waitingForJump = 0;
      window.location.assign(JUMPS[event.key]);
    } else if (event.key === "j" || event.key === "k") {
      goThroughInbox(event.key === "j");
    }
  }

  function openPalette(event) {
    var palette = document.getElementById("palette");
    if (!palette) return;
    event.preventDefault();
    if (palette.open) return palette.close();
    palette.showModal();
    var text = document.getElementById("palette-text");
    text.select();
    text.dispatchEvent(new Event("palette"));
  }

  function moveInPalette(event) {
    var text = document.getElementById("palette-text");
    var links = Array.from(document.querySelectorAll("#palette-found a"));
    var place = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown" && links[place + 1]) links[place + 1].focus();
    else if (event.key === "ArrowUp" && place >= 0) (links[place - 1] || text).focus();
    else if (event.key === "Enter" && event.target === text && links[0]) window.location.assign(links[0].href);
    else return;
    event.preventDefault();
  }

  // In the inbox from row to row; on the page of a decision to the next one or the one before.
  function goThroughInbox(isForward) {
    var rows = Array.from(document.querySelectorAll("[data-decision]"));
    if (rows.length) {
      var place = rows.indexOf(document.activeElement);
      var following = place < 0 ? (isForward ? 0 : rows.length - 1) : place + (isForward ? 1 : -1);
      if (rows[following]) rows[following].focus();
      return;
    }
    var link = document.querySelector(isForward ? "[data-inbox='next']" : "[data-inbox='previous']");
    if (link) link.click();
  }

  function onClick(event) {
    var copy = event.target.closest("[data-copy], [data-copy-from]");
    if (copy) return copyText(copy);
    var opener = event.target.closest("[data-opens]");
    if (opener) return document.getElementById(opener.dataset.opens).showModal();
    var speaker = event.target.closest("[data-says]");
    if (speaker) return say(speaker.dataset.says, speaker.dataset.tone);
    var closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog").close();
  }

  function copyText(button) {
    var source = button.dataset.copyFrom;
    var text = source ? document.getElementById(source).textContent : button.dataset.copy;
    navigator.clipboard.writeText(text).then(function () {
      button.dataset.copied = "";
      say("Copied");
      window.setTimeout(function () { delete button.dataset.copied; }, 1500);
    }, function () { say("The browser did not allow copying", "bad"); });
  }

  function say(text, tone) {
    var place = document.getElementById("announcements");
    if (!place) return;
    var toast = document.createElement("p");
    toast.className = "toast toast--" + (tone || "good");
    toast.textContent = text;
    place.replaceChildren(toast);
    window.setTimeout(function () { toast.remove(); }, TOAST_MILLISECONDS);
  }

  // The same words as app/console/shell/presentation.py.
  function duration(seconds) {
    if (seconds < 10) return Math.max(0, seconds).toFixed(1) + " s";
    var minutes = Math.floor(seconds / 60);
    if (!minutes) return Math.floor(seconds) + " s";
    var hours = Math.floor(minutes / 60);
    if (hours) return hours + " h " + pad(minutes % 60) + " min";
    return minutes + " min " + pad(Math.floor(seconds) % 60) + " s";
  }

  function pad(number) { return String(number).padStart(2, "0"); }

  function tick() {
    document.querySelectorAll("[data-since]").forEach(function (element) {
      element.textContent = duration((Date.now() - Date.parse(element.dataset.since)) / 1000);
    });
  }

  // Scripts are here, so what needs them may show.
  function reveal(root) {
    root.querySelectorAll("[data-needs-script]").forEach(function (element) { element.hidden = false; });
    root.querySelectorAll("[data-without-script]").forEach(function (element) { element.hidden = true; });
  }

  function isFollowed(log) {
    var follow = document.getElementById("follow-log");
    return log && follow && follow.checked;
  }

  function followLog() {
    var log = document.getElementById("log");
    if (isFollowed(log)) log.scrollTop = log.scrollHeight;
  }

  // The extension opens a new stream from the page's first event when a connection is refused; what
  // is on the page already must not come twice.
  function onStreamMessage(event) {
    var text = event.detail && event.detail.data;
    var first = text && text.match(/id="event-(\d+)"/);
    if (first && document.getElementById("event-" + first[1])) event.preventDefault();
  }

  // The tab says what the page says, also while nobody looks at it.
  function onSwap() {
    followLog();
    var said = document.querySelector("#said [data-title]");
    var count = document.title.match(/^\(\d+\+?\) /);
    if (said) document.title = (count ? count[0] : "") + said.dataset.title;
  }

  // Without a stream the page stays as it is, and says so until the extension has got one again.
  function tellPaused(isPaused) {
    var note = document.getElementById("stream-paused");
    if (note) note.hidden = !isPaused;
  }

  // Nobody looks at a hidden page: it asks again when it is seen.
  function onBeforeRequest(event) {
    if (document.hidden && event.detail.elt.matches("[hx-trigger^='every ']")) event.preventDefault();
  }

  function onChange(event) {
    if (event.target.id === "follow-log") followLog();
    if (event.target.matches("[data-selects-all]")) selectAll(event.target.checked);
    if (event.target.matches("[form='selected'], [data-selects-all]")) countSelected();
  }

  function selectAll(isSelected) {
    document.querySelectorAll("[form='selected']").forEach(function (box) { box.checked = isSelected; });
  }

  function countSelected() {
    var count = document.querySelectorAll("[form='selected']:checked").length;
    var place = document.getElementById("selected-count");
    if (place) place.textContent = count + " selected:";
  }

  function focusFirstProblem() {
    var summary = document.getElementById("problems");
    if (summary) summary.focus();
  }

  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  document.addEventListener("htmx:beforeRequest", onBeforeRequest);
  document.addEventListener("htmx:sseBeforeMessage", onStreamMessage);
  document.addEventListener("htmx:sseMessage", onSwap);
  document.addEventListener("htmx:sseError", function () { tellPaused(true); });
  document.addEventListener("htmx:sseOpen", function () { tellPaused(false); });
  document.addEventListener("htmx:load", function (event) { reveal(event.detail.elt); });
  reveal(document);
  followLog();
  focusFirstProblem();
  window.setInterval(tick, 1000);
})();
