/******/ (() => { // webpackBootstrap
/******/ 	var __webpack_modules__ = ({

/***/ "electron":
/***/ ((module) => {

"use strict";
module.exports = require("electron");

/***/ })

/******/ 	});
/******/ 	var __webpack_module_cache__ = {};
/******/ 	function __webpack_require__(moduleId) {
/******/ 		var cachedModule = __webpack_module_cache__[moduleId];
/******/ 		if (cachedModule !== undefined) {
/******/ 			return cachedModule.exports;
/******/ 		}
/******/ 		var module = __webpack_module_cache__[moduleId] = { exports: {} };
/******/ 		__webpack_modules__[moduleId](module, module.exports, __webpack_require__);
/******/ 		return module.exports;
/******/ 	}
/******/ 	if (typeof __webpack_require__ !== 'undefined') __webpack_require__.ab = __dirname + "/native_modules/";
var __webpack_exports__ = {};
// The shape of what Electron Forge's webpack template makes of a preload script.
const electron = __webpack_require__("electron");
electron.contextBridge.exposeInMainWorld("packed", {
  place: [__filename, __dirname],
  encoded: Buffer.from("webpack").toString("base64"),
  later: () => new Promise((resolve) => setImmediate(resolve, typeof global.document)),
});
module.exports = __webpack_exports__;
/******/ })()
;
