"""The commands of ``rnngraph``, one a module. What they need beyond typer is imported when they run, so that none waits for another's."""
