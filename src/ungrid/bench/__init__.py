"""Measurements that anyone can repeat: tables, plots and numbers of this machine."""
