export * from "../../../../../node_modules/markdown-it/dist/markdown-it.d.mts";
export { default } from "../../../../../node_modules/markdown-it/dist/markdown-it.d.mts";
