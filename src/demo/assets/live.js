"use strict";
// Prices over WebSocket; beside it a count of what arrives as server-sent events.
(function () {
  const say = (id, text) => {
    document.getElementById(id).textContent = text;
  };
  const counted = (count) => count + (count === 1 ? " message" : " messages");
  const goods = document.getElementById("goods");
  let retryIn = 1000;

  function connect() {
    const socket = new WebSocket(new URL("/live/ws", location.href).href.replace(/^http/, "ws"));
    let count = 0;
    socket.onopen = () => {
      retryIn = 1000;
      say("ws-state", "connected");
      if (goods.value !== "*") {
        socket.send(goods.value);
      }
    };
    socket.onmessage = (message) => {
      count += 1;
      say("ws-count", counted(count));
      for (const quote of JSON.parse(message.data).quotes || []) {
        say("price-" + quote.code, quote.price);
      }
    };
    socket.onclose = () => {
      say("ws-state", "not connected, trying again");
      setTimeout(connect, retryIn);
      retryIn = Math.min(retryIn * 2, 30000);
    };
    goods.onchange = () => {
      if (socket.readyState === WebSocket.OPEN) {
        socket.send(goods.value);
      }
    };
  }

  function listen() {
    const events = new EventSource("/live/events");
    let count = 0;
    events.onopen = () => say("sse-state", "connected");
    events.addEventListener("quotes", () => {
      count += 1;
      say("sse-count", counted(count));
    });
    events.onerror = () => say("sse-state", "not connected, trying again");
  }

  connect();
  listen();
})();
