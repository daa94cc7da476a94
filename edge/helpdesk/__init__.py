"""The help desk (导办台) as other programs use it; its pages are in `edge.pages`."""
