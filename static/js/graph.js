// Graphs by keyboard and pointer: arrow keys go along the lines and within a column, what a box is
// joined to stands out, and the whole picture fits the page when that is wanted. Every box is a link
// without it.
(function () {
  "use strict";

  function nodesOf(graph) { return Array.from(graph.querySelectorAll("[data-node]")); }
  function linesOf(graph) { return Array.from(graph.querySelectorAll("[data-base]")); }

  function nodeNamed(graph, name) {
    return nodesOf(graph).find(function (node) { return node.dataset.node === name; });
  }

  // One box is reached with Tab; from there the arrows go on.
  function rove(graph, node) {
    nodesOf(graph).forEach(function (other) { other.setAttribute("tabindex", other === node ? "0" : "-1"); });
  }

  function trace(graph, node) {
    var name = node && node.dataset.node;
    var near = {};
    linesOf(graph).forEach(function (line) {
      var joins = node && (line.dataset.base === name || line.dataset.user === name);
      line.toggleAttribute("data-near", Boolean(joins));
      if (joins) near[line.dataset.base] = near[line.dataset.user] = true;
    });
    nodesOf(graph).forEach(function (other) {
      other.toggleAttribute("data-near", other === node || Boolean(near[other.dataset.node]));
    });
    graph.classList.toggle("graph--traced", Boolean(node) && linesOf(graph).length > 0);
  }

  function along(graph, node, isForward) {
    var line = linesOf(graph).find(function (item) {
      return (isForward ? item.dataset.base : item.dataset.user) === node.dataset.node;
    });
    return line && nodeNamed(graph, isForward ? line.dataset.user : line.dataset.base);
  }

  function placeOf(node) {
    var moved = node.transform.baseVal.getItem(0).matrix;
    return { x: moved.e, y: moved.f };
  }

  function beside(graph, node, step) {
    var here = placeOf(node);
    var column = nodesOf(graph).filter(function (other) { return placeOf(other).x === here.x; });
    column.sort(function (one, other) { return placeOf(one).y - placeOf(other).y; });
    return column[column.indexOf(node) + step];
  }

  function target(graph, node, key) {
    if (key === "ArrowRight") return along(graph, node, true);
    if (key === "ArrowLeft") return along(graph, node, false);
    if (key === "ArrowDown") return beside(graph, node, 1);
    if (key === "ArrowUp") return beside(graph, node, -1);
    return undefined;
  }

  function onKey(event) {
    var node = event.target.closest("[data-node]");
    if (!node || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    var graph = node.closest(".graph");
    var next = target(graph, node, event.key);
    if (!next) return;
    event.preventDefault();
    rove(graph, next);
    next.focus();
  }

  function follow(event) {
    var graph = event.target.closest(".graph");
    if (graph) trace(graph, event.target.closest("[data-node]"));
  }

  function leave(event) {
    var graph = event.target.closest(".graph");
    if (graph && !graph.contains(event.relatedTarget)) trace(graph, null);
  }

  // What everything else needs is in the first column, in the middle of its height.
  document.querySelectorAll(".graph").forEach(function (graph) {
    var first = nodesOf(graph)[0];
    rove(graph, first);
    graph.scrollTop = placeOf(first).y - graph.clientHeight / 2;
    graph.addEventListener("pointerover", follow);
    graph.addEventListener("pointerout", leave);
    graph.addEventListener("focusin", follow);
    graph.addEventListener("focusout", leave);
    graph.addEventListener("keydown", onKey);
  });
  document.querySelectorAll("[data-fits-graph]").forEach(function (box) {
    var graph = box.closest("p").nextElementSibling;
    box.addEventListener("change", function () { graph.classList.toggle("graph--fitted", box.checked); });
  });
})();
