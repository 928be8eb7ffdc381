// The log of an operation, folded by resource: the lines of one resource under its last word. The
// log is complete without it.
(function () {
  "use strict";

  var log = document.getElementById("log");
  var switcher = document.getElementById("fold-log");
  if (!log || !switcher) return;

  function groupOf(line) {
    var address = line.dataset.address;
    var found = Array.prototype.find.call(log.children, function (child) {
      return child.dataset.group === address;
    });
    if (found) return found;
    var group = document.createElement("li");
    group.className = "log__group";
    group.dataset.group = address;
    var details = document.createElement("details");
    details.append(document.createElement("summary"), document.createElement("ol"));
    group.append(details);
    log.insertBefore(group, line);
    return group;
  }

  function describe(group) {
    var lines = group.querySelectorAll("ol > li");
    var last = lines[lines.length - 1].querySelector(".log__text").textContent;
    var isBad = group.querySelector(".log__line--error") !== null;
    var name = document.createElement("strong");
    name.textContent = group.dataset.group;
    group.classList.toggle("log__line--error", isBad);
    group.querySelector("summary").replaceChildren(name, " " + lines.length + (lines.length === 1 ? " line: " : " lines: ") + last);
  }

  function fold() {
    log.querySelectorAll(":scope > li[data-address]").forEach(function (line) {
      var group = groupOf(line);
      group.querySelector("ol").append(line);
      describe(group);
    });
  }

  function numberOf(line) { return Number(line.id.slice("event-".length)); }

  function unfold() {
    var lines = Array.from(log.querySelectorAll("li[id^='event-']"));
    lines.sort(function (one, other) { return numberOf(one) - numberOf(other); });
    log.replaceChildren.apply(log, lines);
  }

  function arrange() { if (switcher.checked) fold(); else unfold(); }

  switcher.addEventListener("change", arrange);
  document.addEventListener("htmx:sseMessage", function () { if (switcher.checked) fold(); });
  if (switcher.checked) fold();
})();
