/* Rules for the browser's code: eslint's recommended ones, and those the house keeps. */

import js from "@eslint/js";
import globals from "globals";

export default [
  { ...js.configs.recommended, files: ["**/*.{js,mjs}"] },
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: { ecmaVersion: 2025, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "max-lines": ["error", 150],
      "no-console": ["error", { allow: ["warn", "error"] }],
      "no-else-return": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["chatapp/**", "runs/**"], languageOptions: { globals: globals.browser } },
  {
    files: ["tests/**", "deploy/**"],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { "max-lines": "off", "no-console": "off" },
  },
];
