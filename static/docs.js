// Shows the description of the API. Calls tried out from here carry the CSRF token of this session.
"use strict";
const place = document.getElementById("swagger-ui");
const token = document.querySelector('meta[name="csrf-token"]').content;
window.SwaggerUIBundle({
  url: place.dataset.url,
  domNode: place,
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    if (!request.headers.Authorization) request.headers["X-CSRFToken"] = token;
    return request;
  },
});
