/* Rules for style sheets: the standard ones, except where the house's way is another. */

export default {
  extends: ["stylelint-config-standard"],
  rules: {
    "alpha-value-notation": null,
    "at-rule-empty-line-before": null,
    "color-function-alias-notation": null,
    "color-hex-length": "long", // tests/web/test_colours.py reads them
    "comment-empty-line-before": null,
    "custom-property-empty-line-before": null,
    "import-notation": "url",
    "media-feature-range-notation": "prefix",
    "no-descending-specificity": null, // a component's states stand beside it, not sorted by weight
    "property-no-vendor-prefix": [true, { ignoreProperties: ["-webkit-text-size-adjust"] }], // Safari knows no other
    "rule-empty-line-before": null,
    "selector-class-pattern": "^[a-z0-9-]+(__[a-z0-9_-]+)?(--[a-z0-9_-]+)?$", // block__element--modifier
    "value-keyword-case": ["lower", { ignoreKeywords: ["currentColor", "Roboto", "Menlo", "Consolas"] }],
  },
  overrides: [
    {
      files: ["**/runs/static/**/*.css", "**/admin.css"],
      rules: { "selector-class-pattern": null, "selector-id-pattern": null },
    }, // Django's
  ],
};
