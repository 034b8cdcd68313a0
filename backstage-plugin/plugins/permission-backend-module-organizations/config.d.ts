export interface Config {
  sidestage: {
    /**
     * The organizations, by the names that templates give to actions as `organization`.
     *
     * @visibility backend
     */
    organizations: {
      [name: string]: {
        /** Groups in the catalog whose members are of the organization, such as `group:default/acme-corp`. */
        groups: string[];

        /**
         * Templates that the organization may use besides those that its own groups own, such as
         * `template:default/coder-workspace`; `*` for all. Default: none.
         */
        templates?: string[];

        /** Actions that may be run for the organization, by their whole ids; `*` for all. Default: all. */
        actions?: string[];
      };
    };

    /**
     * Groups whose members may do everything. Default: none.
     *
     * @visibility backend
     */
    administrators?: string[];

    /**
     * Actions that concern no organization, by their whole ids. Default: those of Backstage's own that work in the task's
     * folder, look something up in the catalog, log or wait.
     *
     * @visibility backend
     */
    sharedActions?: string[];
  };
}
