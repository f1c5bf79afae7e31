"""Celery tasks of files: upkeep."""

from celery import shared_task

from chatapp.files import deletion


@shared_task(name="chatapp.files.tasks.delete_due", ignore_result=True)
def delete_due() -> None:
    """Delete files whose time is over."""
    deletion.delete_due()


@shared_task(name="chatapp.files.tasks.release_all", ignore_result=True)
def release_all() -> None:
    """Find files that nothing refers to any more, whatever deleted what did."""
    deletion.release_all_files()
