"""The pages that visitors, clerks and the hall's own people touch: templates and small ES modules, no build step."""
