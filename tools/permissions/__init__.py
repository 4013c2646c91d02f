"""The permission recorder: the AWS calls of every function, compared with its role in the templates."""
