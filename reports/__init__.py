"""Run bundle in; HTML, JUnit, terminal table out."""
