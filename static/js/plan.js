// The plan by keyboard: up and down go from one change to the next that can be seen, Home and End to
// the first and the last; Enter folds, as it does without a script.
(function () {
  "use strict";

  var STEPS = { ArrowDown: 1, ArrowUp: -1 };

  function placeOf(key, here, count) {
    if (key === "Home") return 0;
    if (key === "End") return count - 1;
    return STEPS[key] ? here + STEPS[key] : -1;
  }

  function onKey(event) {
    var summary = event.target.closest("#plan-changes summary");
    if (!summary || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    var all = Array.from(document.querySelectorAll("#plan-changes summary")).filter(function (item) {
      return item.checkVisibility();
    });
    var next = all[placeOf(event.key, all.indexOf(summary), all.length)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  document.addEventListener("keydown", onKey);
})();
